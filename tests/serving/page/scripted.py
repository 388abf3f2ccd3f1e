"""A server with the real page and a scripted bot, on a port of this machine."""

import asyncio
import json
import socket
import threading
import time
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from chatbot.serving.page import PageAssets, routes
from chatbot.serving.security import OriginMiddleware

PASSWORD = "열려라 참깨"  # noqa: S105 invented
ASSETS = PageAssets()
PERSONAS = [{"id": "bot", "name": "하늘"}]
GROUP = [{"id": "bot-0", "name": "하늘"}, {"id": "bot-1", "name": "Minji"}, {"id": "bot-2"}]


class ScriptedServer:
    """What a test sets before it acts, and what the page asked for."""

    def __init__(self):
        self.personas = PERSONAS
        self.script = ["안녕!"]  # pieces of text, seconds to wait, or raw lines that start with ":"
        self.finish = "stop"  # None: the stream is cut off
        self.refusal = None  # (status, headers) instead of an answer
        self.cookies = set()
        self.chats = []
        self.stores_choices = False
        self.choices = []
        self.n_left = 0  # replies that the page did not read to their end

    def app(self):
        api = [
            Route("/login", self.log_in, methods=["POST"]),
            Route("/logout", self.log_out, methods=["POST"]),
            Route("/health", self.health),
            Route("/v1/models", self.models),
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/preferences", self.preferences, methods=["POST"]),
        ]
        pages = [route for route in routes(ASSETS) if route.path != "/"]
        origins = Middleware(OriginMiddleware, host_names=())
        return Starlette(routes=[*api, Route("/", front), *pages], middleware=[origins])

    async def health(self, request):
        return JSONResponse({"status": "ok"})

    async def log_in(self, request):
        if self.refusal:
            return Response(status_code=self.refusal[0], headers=self.refusal[1])
        if (await request.json())["password"] != PASSWORD:
            return JSONResponse({"error": {"message": "wrong password"}}, 401)
        cookie = f"c{len(self.cookies)}{time.time_ns()}"
        self.cookies.add(cookie)
        response = Response(status_code=204)
        response.set_cookie("session", cookie, httponly=True, samesite="strict")
        return response

    async def log_out(self, request):
        self.cookies.discard(request.cookies.get("session"))
        return Response(status_code=204)

    def is_stranger(self, request):
        return request.cookies.get("session") not in self.cookies

    async def models(self, request):
        if self.is_stranger(request):
            return JSONResponse({"error": {"message": "log in"}}, 401)
        listed = {"object": "list", "data": self.personas, "stores_choices": self.stores_choices}
        return JSONResponse(listed)

    async def preferences(self, request):
        self.choices.append(await request.json())
        return Response(status_code=204)

    async def chat(self, request):
        if self.is_stranger(request):
            return JSONResponse({"error": {"message": "log in"}}, 401)
        self.chats.append(await request.json())
        if self.refusal:
            return Response(status_code=self.refusal[0], headers=self.refusal[1])
        return StreamingResponse(self.stream(list(self.script)), media_type="text/event-stream")

    async def stream(self, script):
        is_read = False
        try:
            async for piece in self.pieces(script):
                yield piece
            is_read = True
        finally:
            self.n_left += not is_read

    async def pieces(self, script):
        for step in script:
            if isinstance(step, str):
                yield step + "\n\n" if step.startswith(":") else chunk({"content": step})
            else:
                await asyncio.sleep(step)
        if self.finish:
            yield chunk({}, self.finish)
            yield "data: [DONE]\n\n"


async def front(request):
    """The root is the page for browsers only: programs look there for Ollama."""
    if "text/html" in request.headers.get("accept", ""):
        return await ASSETS.respond(request)
    return PlainTextResponse("Ollama is running")


def chunk(delta, finish=None):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]}, ensure_ascii=False)}\n\n"


@contextmanager
def serving(app, port=0):
    """Run an app on 127.0.0.1 in a thread; yield its address."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()  # a browser that is faster than the thread waits
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
