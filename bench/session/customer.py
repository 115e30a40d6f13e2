"""One customer of the vendor: an account, a client, a person who may accept access, and what they are given."""

import base64
import json
import secrets
import urllib.error
import urllib.parse
import urllib.request

from browser import Browser, Left

REDIRECT_URI = "http://127.0.0.1:9/callback"
SCOPE = "offline provision:scim"
PASSWORD = "correct horse battery staple"


class Customer:
    """Kept in a file when the data is kept, so that a later session finds it again."""

    def __init__(self, server, home, name="bench"):
        self.server, self.name = server, name
        self.user_name = f"ada@{name}.example"
        self.state = home / "users.tsv"
        kept = home / ("customer.json" if name == "bench" else f"customer-{name}.json")
        if kept.exists():
            self.client_id, self.client_secret = json.loads(kept.read_text())
        else:
            self._sign_up()
            kept.write_text(json.dumps([self.client_id, self.client_secret]))

    def _sign_up(self):
        account = self._admin("/admin/accounts", {"name": self.name, "product_environments": [f"{self.name}-prod"]})["id"]
        person = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": self.user_name,
            "role": "master_admin",
            "password": PASSWORD,
            "service_account": True,
        }
        self._admin(f"/admin/accounts/{account}/users", person)
        client = {
            "name": self.name,
            "profile": "generic",
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "scopes": ["openid", "offline", "offline_access", "provision:scim"],
            "default_scope": ["offline", "provision:scim"],
            "connections": "keep",  # chains of refresh tokens stand side by side
        }
        made = self._admin(f"/admin/accounts/{account}/clients", client)
        self.client_id, self.client_secret = made["client_id"], made["client_secret"]

    def _admin(self, path, body):
        request = urllib.request.Request(self.server.url + path, json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {self.server.admin_token}")
        request.add_header("Content-Type", "application/json")
        return _answer(request)

    def _token(self, **fields):
        request = urllib.request.Request(self.server.url + "/oauth2/token", urllib.parse.urlencode(fields).encode())
        pair = ":".join(urllib.parse.quote(half, safe="") for half in (self.client_id, self.client_secret))
        request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
        return _answer(request)

    def access_token(self):
        return self._token(grant_type="client_credentials", scope="provision:scim")["access_token"]

    def refresh_tokens(self, count):
        """As many grants, each accepted in the browser."""
        browser = Browser(self.server.url)
        return [self._accept(browser) for _ in range(count)]

    def log_in(self):
        """A browser that was never here logs in, and is asked for consent."""
        browser = Browser(self.server.url)
        page, forms = browser.open(self._authorization()[0])
        page, forms = self._answer_page(browser, page, forms)
        if not any(button[0] == "Accept access" for form in forms for button in form.buttons):
            raise RuntimeError(f"not logged in at {page}")

    def _authorization(self):
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": REDIRECT_URI,
            "scope": SCOPE,
            "state": secrets.token_urlsafe(16),
            "prompt": "consent",
        }
        return f"{self.server.url}/oauth2/auth?{urllib.parse.urlencode(asked)}", asked

    def _accept(self, browser):
        url, asked = self._authorization()
        try:
            page, forms = browser.open(url)
            for _ in range(4):
                page, forms = self._answer_page(browser, page, forms)
            raise RuntimeError(f"the browser stays at {page}")
        except Left as left:
            told = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(left.url).query))
        if told.get("state") != asked["state"] or "code" not in told:
            raise RuntimeError(f"no code came back: {told}")
        tokens = self._token(grant_type="authorization_code", code=told["code"], redirect_uri=REDIRECT_URI)
        return tokens["refresh_token"]

    def _answer_page(self, browser, page, forms):
        for form in forms:
            if "password" in form.inputs:
                button = form.buttons[0] if form.buttons else None
                return browser.submit(page, form, button, username=self.user_name, password=PASSWORD)
            for button in form.buttons:
                if button[0] == "Accept access":
                    return browser.submit(page, form, button)
        raise RuntimeError(f"neither a log-in form nor `Accept access` at {page}")


def _answer(request):
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read())
    except urllib.error.HTTPError as refused:
        raise RuntimeError(f"{request.full_url}: {refused.code} {refused.read().decode()[:1000]}") from None
