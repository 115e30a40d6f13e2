"""Whether a server answers as the protocols say: a figure of a wrong answer is worth nothing."""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Asked:
    """One server under questions: what it said to each."""

    def __init__(self, server, customer, token):
        self.server, self.customer, self.token = server, customer, token
        self.said = {}

    def scim(self, method, path, body=None, token=None):
        """(status, body), and an empty body where it is no JSON."""
        request = urllib.request.Request(self.server.scim_urls() + path, json.dumps(body).encode() if body else None, method=method)
        request.add_header("Authorization", f"Bearer {token or self.token}")
        request.add_header("Content-Type", "application/scim+json")
        return _answer(request)

    def oauth(self, path, secret=None, **form):
        pair = f"{self.customer.client_id}:{urllib.parse.quote(secret or self.customer.client_secret, safe='')}"
        request = urllib.request.Request(self.server.url + path, urllib.parse.urlencode(form).encode())
        request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
        return _answer(request)

    def found(self, text):
        """totalResults of a filter, or the status of its refusal."""
        status, body = self.scim("GET", "/Users?" + urllib.parse.urlencode({"filter": text}, quote_via=urllib.parse.quote))
        return body.get("totalResults") if status == 200 else f"status {status}"

    def tell(self, question, right, otherwise):
        self.said[question] = "yes" if right else f"no: {otherwise}"

    def about_users(self, without):
        """After loading and before measuring; nothing is left changed."""
        lines = self.customer.state.read_text().splitlines()
        name, id = lines[len(lines) // 2].split("\t")[:2]
        total = self.scim("GET", "/Users?startIndex=1&count=1")[1].get("totalResults")

        shown = self.scim("GET", f"/Users/{id}")[1]
        right = shown.get("userName") == name and shown.get("emails", [{}])[0].get("value") == name and shown.get("active") is True
        self.tell("a user is shown as it was sent", right, shown)
        self.tell("a name is found", (n := self.found(f'userName eq "{name}"')) == 1, n)
        self.tell("in capitals too (`userName` is not caseExact)", (n := self.found(f'userName eq "{name.upper()}"')) == 1, n)
        self.tell("`userName sw` finds", isinstance(n := self.found(f'userName sw "{name[:-12]}"'), int) and n >= 1, n)
        both = f'emails.value eq "{name}" and active eq true'
        self.tell("`emails.value eq … and active eq true` finds", (n := self.found(both)) == 1, n)

        pages = [self.scim("GET", f"/Users?startIndex={at}&count=100")[1].get("Resources", []) for at in (1, 101)]
        ids = {user["id"] for page in pages for user in page}
        self.tell("two pages of 100 have 200 users", len(ids) == 200, len(ids))
        self.tell("`totalResults` is the number of users", total in (len(lines), len(lines) + 1), total)

        seen = []
        for active in (False, True):
            self.scim("PATCH", f"/Users/{id}", {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": {"active": active}}]})
            seen.append(self.scim("GET", f"/Users/{id}")[1].get("active"))
        self.tell("PATCH of `active` is seen by GET", seen == [False, True], seen)

        again = {"schemas": [USER], "userName": name, "role": "media_library_user"}
        again = {key: value for key, value in again.items() if key not in without}
        for question, expected, (status, _) in [
            ("a name that is taken is refused with 409", 409, self.scim("POST", "/Users", again)),
            ("an unknown id is answered with 404", 404, self.scim("GET", "/Users/018f0000-0000-7000-8000-000000000000")),
            ("a wrong token is answered with 401", 401, self.scim("GET", f"/Users/{id}", token="wrong")),
        ]:
            self.tell(question, status == expected, f"status {status}")

    def about_tokens(self):
        active = self.oauth("/oauth2/introspect", token=self.token)[1].get("active")
        self.tell("a token is active at introspection", active is True, active)
        active = self.oauth("/oauth2/introspect", token="unknown")[1].get("active")
        self.tell("an unknown token is not", active is False, active)
        status = self.oauth("/oauth2/token", secret="wrong", grant_type="client_credentials")[0]
        self.tell("a wrong secret is answered with 401", status == 401, f"status {status}")

    def after_many_tokens(self):
        active = self.oauth("/oauth2/introspect", token=self.token)[1].get("active")
        self.tell("the first token is active after the measured ones", active is True, active)

    def after_a_kill(self, server, users, tokens):
        """The process was killed and is there again: does it know what was acknowledged last?"""
        self.server = server
        if users:
            id = self.customer.state.read_text().splitlines()[-1].split("\t")[1]
            status = self.scim("GET", f"/Users/{id}")[0]
            self.tell("the user made last is there after a kill", status == 200, f"status {status}")
        if tokens:
            active = self.oauth("/oauth2/introspect", token=self.token)[1].get("active")
            self.tell("the token made last is active after a kill", active is True, active)


def _answer(request):
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, _json(response.read())
    except urllib.error.HTTPError as refused:
        return refused.code, _json(refused.read())


def _json(text):
    try:
        body = json.loads(text)
    except ValueError:
        body = {}
    return body if isinstance(body, dict) else {}
