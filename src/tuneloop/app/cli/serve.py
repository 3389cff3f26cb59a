"""`tuneloop serve`: the models, jobs and data of a workspace over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.http.server import Started

RUNNING = Words(
    "tuneloop answers at {url} (OpenAI's protocol: {url}/v1). Stop it with Ctrl+C.",
    "tuneloop 的服务地址：{url}（OpenAI 协议：{url}/v1）。按 Ctrl+C 停止。",
)
FIRST = Words(
    "First start: there is an admin now, called {name}. This is shown only once:\n"
    "  sign in   {url}/sign-in#{link}\n"
    "            (works once, for {hours:.0f} hours)\n"
    "  API key   {key}",
    "首次启动：已创建名为 {name} 的管理员。以下内容只显示一次：\n"
    "  登录      {url}/sign-in#{link}\n"
    "            （限用一次，{hours:.0f} 小时内有效）\n"
    "  API 密钥  {key}",
)


def serve(
    port: Annotated[int, typer.Option(metavar="PORT", help="0: any that is free.", min=0, max=65535)] = 8400,
    address: Annotated[
        str, typer.Option(metavar="ADDRESS", help="127.0.0.1: this machine alone; 0.0.0.0: everybody who can reach it.")
    ] = "127.0.0.1",
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--host-name", metavar="NAME", help="A name people reach it by. May be repeated.", show_default=False
        ),
    ] = None,
    proxies: Annotated[
        list[str] | None,
        typer.Option(
            "--proxy",
            metavar="ADDRESS",
            help="A proxy in front (for https), whose X-Forwarded headers count. May be repeated.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--settings", metavar="FILE", help="A YAML file with the server's settings.", show_default=False),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="One limit of the server, as requests_per_minute=600. May be repeated.",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve models, jobs and data to a team, over HTTP.

    OpenAI's protocol under /v1, everything else under /api. The first start makes an admin, and prints a sign-in link
    and an API key once. Runs go on when the server stops.

    \b
    Examples:
      tuneloop serve
      tuneloop serve --port 9000 --set requests_per_minute=600
      tuneloop serve --address 0.0.0.0 --host-name tuneloop.example.org
      tuneloop serve --settings server.yaml --set hosts.idle_seconds=900
    """
    from tuneloop.app.cli.screen import Screen
    from tuneloop.app.http.settings import ServeSettings
    from tuneloop.config import assign, read, read_yaml

    screen = Screen(as_json)
    data: dict[str, object] = read_yaml(file) if file else {}
    for assignment in assignments or ():
        assign(data, assignment)
    chosen = read(ServeSettings, data, file=file)  # a wrong one is told before the server's libraries load

    for base in chosen.backends:
        chosen.made_backend(base)
    from tuneloop.access.sign_in import LINK_HOURS
    from tuneloop.app.http import server

    def announce(started: Started) -> None:
        first = started.first
        if first is not None and not as_json:
            told = {"name": first.person.name, "url": started.url, "link": first.link, "key": first.secret}
            screen.say(FIRST.format(**told, hours=LINK_HOURS))
        screen.say(RUNNING.format(url=started.url))
        shown = None
        if first is not None:
            link = f"{started.url}/sign-in#{first.link}"
            shown = {"person": first.person.name, "sign_in": link, "key": first.secret}
        screen.result({"url": started.url, "first": shown})

    server.log_to_stderr()
    with workspace_at(workspace) as ws:
        server.serve(
            ws,
            announce,
            address=address,
            port=port,
            names=tuple(names or ()),
            proxies=tuple(proxies or ()),
            chosen=chosen,
        )
