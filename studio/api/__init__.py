"""The HTTP interface: OpenAI's routes and the studio's own, under /v1, over the same Studio as the page.

One file is one noun of it. `install` puts them into an app whose `state.studio` is the Studio and whose guard sets `state.user`.
"""

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.routing import Match

from studio.api import audio, errors, gallery, images, inputs, jobs, models, text, videos

PARTS = (text, images, audio, inputs, jobs, gallery, models, videos)
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def install(app: FastAPI) -> None:
    """Add the routes and their errors. What else is asked for under /v1 is refused in the same shape."""
    errors.install(app)
    for part in PARTS:
        app.include_router(part.routes)
    known = [route for part in PARTS for route in part.routes.routes]

    @app.api_route("/v1", methods=METHODS, include_in_schema=False)
    @app.api_route("/v1/{rest:path}", methods=METHODS, include_in_schema=False)
    def unknown(request: Request, rest: str = "") -> Response:
        methods = {method for route in known if route.matches(request.scope)[0] == Match.PARTIAL for method in route.methods}
        if methods:
            allowed = {"allow": ", ".join(sorted(methods))}
            return errors.response(
                405, f"{request.method} is not for this address; it takes {allowed['allow']}.", code="bad_method", headers=allowed
            )
        return errors.response(404, f"There is no address {request.url.path[:100]} here.", code="not_found")
