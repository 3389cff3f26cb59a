"""What a server allows and holds: sizes, rates, how long it waits, which bases answer from where.

`tuneloop serve --set requests_per_minute=600 --set hosts.idle_seconds=900`, or all of it in a file: `--settings FILE`.

Three keys are those of the workspace (`KEPT`): a server that is told them writes them down when it starts, for all
servers and commands of the workspace, and a server that is not told them leaves them as they are.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, field_validator

from tuneloop.access import audit
from tuneloop.app.http.addresses import ServedPlaces
from tuneloop.config import Settings, setting
from tuneloop.models.places import STARTER, looks_like_path
from tuneloop.models.versions import is_version
from tuneloop.serve.backend import Backend, backends
from tuneloop.serve.hosts import HostSettings
from tuneloop.store import Workspace
from tuneloop.store.database import upsert
from tuneloop.store.settings import get_setting
from tuneloop.store.tables import settings as table

if TYPE_CHECKING:
    from tuneloop.app.http.service import Service

MEGABYTE = 1 << 20
ENVELOPE = 64 << 10
"""What a multipart form adds to its file at most: the other parts and the lines between them."""
Name = Annotated[str, Field(pattern=r"^[\w.-]{1,64}$")]
"""Part of `ft:base:organization:…`, so without colons."""

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


class ServeSettings(Settings):
    upload_megabytes: int = setting(
        512,
        ge=1,
        en="The largest file that may be uploaded, in MiB.",
        zh="允许上传的最大文件，单位 MiB。",
    )
    body_megabytes: int = setting(
        8,
        ge=1,
        en="The largest body of any other request, in MiB.",
        zh="其他请求的请求体上限，单位 MiB。",
    )
    requests_per_minute: int = setting(
        30_000,
        ge=1,
        en="How many requests each key or session may make per minute and server process; a key may have its own.",
        zh="每个密钥或会话在单个服务进程中每分钟允许的请求数；密钥可单独设定。",
    )
    job_threads: int = setting(
        0,
        ge=0,
        en="Threads that a job computes with; 0: OMP_NUM_THREADS, or all cores but one, which is left to the service.",
        zh="每个任务的计算线程数；0 表示取 OMP_NUM_THREADS，未设置时比 CPU 核数少一，留一核给服务。",
    )
    head_seconds: float = setting(
        30.0,
        gt=0,
        en="A connection whose request is not told within so many seconds (line and headers) is closed.",
        zh="连接在该秒数内未发送完整的请求行与请求头时，将被关闭。",
    )
    answers_at_once: int = setting(
        1000,
        ge=1,
        en="How many answers of models each key or session may have under way or waiting per server process.",
        zh="每个密钥或会话在单个服务进程中同时进行或排队的模型回答数。",
    )
    jobs_at_once: int = setting(
        100,
        ge=1,
        en="How many fine-tuning jobs that have not ended each key or person may have.",
        zh="每个密钥或用户尚未结束的微调任务数上限。",
    )
    body_seconds: float = setting(
        60.0,
        gt=0,
        en="A request whose body stands still for so many seconds is refused.",
        zh="请求体停滞超过该秒数时，请求将被拒绝。",
    )
    stop_seconds: int = setting(
        30,
        ge=0,
        en="How many seconds a stopping server gives requests under way to finish.",
        zh="服务停止时，为处理中的请求保留的秒数。",
    )
    drain_seconds: float = setting(
        0.0,
        ge=0,
        en="How many seconds a stopping server still takes requests while /readyz already says no, so that a load"
        " balancer notices in time.",
        zh="收到停止信号后继续接收请求的秒数；期间 /readyz 已返回 503，便于负载均衡器及时摘除。",
    )

    hosts: HostSettings = setting(
        HostSettings(),
        en="How loaded bases are held, as hosts.memory_gb=16.",
        zh="基座的加载方式，如 hosts.memory_gb=16。",
    )
    backends: dict[str, str | dict[str, Any]] = setting(
        {},
        en="Bases that another server answers for, by their name: {my-base: {name: vllm, url: …}}; best in a file.",
        zh="由其他服务应答的基座，按名称设置：{my-base: {name: vllm, url: …}}；建议写在文件里。",
    )

    places: ServedPlaces = setting(
        ServedPlaces(),
        en="What runs begun over HTTP may read beside uploads, as places.web=false; databases best in a file.",
        zh="通过 HTTP 启动的运行除上传文件外可读取的位置，如 places.web=false；数据库建议写在文件里。",
    )

    bases: dict[Name, Annotated[str, Field(min_length=1)]] | None = setting(
        None,
        en="Bases that jobs may name, each a folder of this machine or a hub's name: {support: /models/qwen}. Kept in"
        " the workspace.",
        zh="任务可按名称使用的基座，对应本机文件夹或模型库名称，如 {support: /models/qwen}；保存在工作区中。",
    )
    organization: Name | None = setting(
        None,
        en="The part of new models' names that says whose they are: ft:base:ORGANIZATION:…. Kept in the workspace.",
        zh="新模型名称中的组织名（名称第三段）；保存在工作区中。",
    )
    webhooks_private: bool | None = setting(
        None,
        en="Whether webhooks may go to addresses inside the network, and by http. Kept in the workspace.",
        zh="是否允许 webhook 使用内网地址和 http；保存在工作区中。",
    )

    @field_validator("bases")
    @classmethod
    def _folders_are_there(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        return None if value is None else {name: _base(name, given) for name, given in value.items()}

    def made_backend(self, base: str) -> Backend:
        """A fresh backend for a base of `backends`; raises `SettingError` with its place."""
        return backends.create(self.backends[base], path=f"backends.{base}")


def _base(name: str, given: str) -> str:
    """The folder, absolute, as another process may stand elsewhere; or the hub's name."""
    if name == STARTER or is_version(name):
        raise ValueError(f"another name than {name}, which is taken")
    if not looks_like_path(given):
        return given
    folder = Path(given).expanduser().resolve()
    if not folder.is_dir():
        raise ValueError(f"{name} to be a folder or a hub's name, and there is no folder {given}")
    return str(folder)


KEPT = ("bases", "organization", "webhooks_private")


def keep(ws: Workspace, chosen: ServeSettings) -> None:
    """Write down what the workspace itself shall know; each change stands in the audit log."""
    for key in KEPT:
        value = getattr(chosen, key)
        if value is None or get_setting(ws, key) == value:
            continue
        with ws.db.write(durable=True) as connection:
            upsert(connection, table, [{"key": key, "value": value}])
            audit.note(connection, audit.at_the_machine(), "settings.change", key, value=value)


@dataclass(frozen=True)
class Rules:
    """What the guards of one server go by.  `hosts` are the names it answers to, without ports and brackets."""

    settings: ServeSettings = field(default_factory=ServeSettings)
    hosts: frozenset[str] = LOCAL
    any_address: bool = False
    """Whether it listens on all addresses of the machine: then each of them, written as a number, is its name, too."""

    @classmethod
    def of(cls, service: Service) -> Rules:
        found: Rules = service.parts.setdefault("rules", cls())
        return found


def rules_for(settings: ServeSettings, address: str, names: tuple[str, ...] = ()) -> Rules:
    try:
        any_address = ipaddress.ip_address(address).is_unspecified
    except ValueError:
        any_address = False
    bound = frozenset() if any_address else frozenset({address.lower()})
    return Rules(settings, LOCAL | bound | {name.lower().rstrip(".") for name in names}, any_address)
