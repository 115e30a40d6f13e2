"""scim2-server's ASGI application on its in-memory storage, behind uvicorn with its quicker parts: python server.py PORT TOKEN"""

import secrets
import sys

import uvicorn
from scim2_models import UnauthorizedException
from scim2_server.applications.asgi import ASGIApplication
from scim2_server.memory import AsyncInMemoryStorage
from scim2_server.utils import load_default_provider


class Application(ASGIApplication):
    def check_auth(self, request):
        if not secrets.compare_digest(request.header("Authorization") or "", f"Bearer {sys.argv[2]}"):
            raise UnauthorizedException


if __name__ == "__main__":
    application = Application(AsyncInMemoryStorage(), load_default_provider())
    uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="warning", access_log=False)
