"""The reasons for which reading rejects an item or a version merges it, as sentences; steps declare their own."""

from __future__ import annotations

from collections.abc import Mapping

from tuneloop.wording import Words

REASONS: Mapping[str, Words] = {
    "not_json": Words("Is not JSON", "不是合法的 JSON"),
    "bad_json": Words("JSON that could be read in two ways or not at all", "JSON 有歧义或无法解析"),
    "not_object": Words("Is not an object with fields", "不是带字段的对象"),
    "too_long": Words("A line longer than any record", "单行过长，不可能是一条记录"),
    "bad_bytes": Words("Bytes that the file's encoding does not have", "含有该编码之外的字节"),
    "cut_off": Words("The file ends in the middle", "文件不完整，中途截断"),
    "bad_row": Words("A table row that cannot be read", "无法读取的表格行"),
    "ragged": Words("A table row with too many or too few cells", "单元格数量与表头不符"),
    "unknown_shape": Words("Rows whose meaning could not be guessed", "无法识别数据行的含义"),
    "without_answer": Words(
        "Questions, facts or system messages without an answer", "只有问题、事实或系统消息，没有回答"
    ),
    "no_text": Words("A page that holds a picture and no text", "只有图片、没有文字的页面"),
    "bad_record": Words("A row that is no usable example", "不能作为训练样本的数据行"),
    "unreadable": Words("A file that cannot be read", "无法读取的文件"),
    "damaged": Words("A damaged archive", "损坏的压缩包"),
    "bomb": Words("An archive that unpacks to far too much", "解压后体积异常的压缩包"),
    "too_many_files": Words("An archive or folder with too many files", "文件数量过多"),
    "too_deep": Words("An archive inside too many archives", "压缩包嵌套过深"),
    "climbs_out": Words("An archive entry whose path leads out of it", "路径越出压缩包的条目"),
    "link": Words("A link in an archive", "压缩包内的链接"),
    "device": Words("A device or pipe in an archive", "压缩包内的设备或管道文件"),
    "encrypted": Words("A file locked with a password", "加密的文件"),
    "no_rows": Words("A query or table that gave no rows", "查询或数据表没有返回任何行"),
    "no_address": Words("A line that is no web address", "不是网页地址的行"),
    "robots": Words("A page that its site's robots.txt keeps from being fetched", "站点的 robots.txt 不允许抓取的网页"),
    "http_status": Words("A page that its server refused", "服务器拒绝返回的网页"),
    "unreachable": Words("A page whose server could not be reached", "无法连接其服务器的网页"),
    "inner_address": Words("An address inside the network, which is never fetched", "内网地址，不会抓取"),
    "redirects": Words("A page that redirects without end", "无休止重定向的网页"),
    "too_large": Words("A page or file that is too large", "过大的网页或文件"),
    "too_slow": Words("A page that did not end in time", "未能在时限内传完的网页"),
    "same_record": Words("Became the same as another record by cleaning", "清洗后与另一条记录相同"),
    "already_there": Words("Is in the extended version already", "被扩展的版本中已有"),
}
