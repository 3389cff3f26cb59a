"""What a sample is drawn by, in words."""

from tuneloop.wording import Words

BYS = {
    "tag": Words("tag", "标签"),
    "source": Words("source", "来源"),
    "language": Words("language", "语言"),
    "kind": Words("kind", "类型"),
}
