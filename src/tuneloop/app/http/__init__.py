"""The HTTP doors: `/v1` is OpenAI's and nothing else, everything of ours is under `/api`.

server.py        the process: first start, port, graceful stop
application.py   the routes put together; every file of openai/ and api/ that has a `router` is one resource
service.py       what all routes of one process share
security.py      who asks, and may they; every route names its permission
errors.py        one error shape for everything that goes wrong
"""
