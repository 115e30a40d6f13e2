"""A person's browser, as far as a script is one: cookies, redirects, plain HTML forms."""

import http.cookiejar
import html.parser
import urllib.error
import urllib.parse
import urllib.request


class Form:
    def __init__(self, attributes):
        self.action = attributes.get("action", "")
        self.method = attributes.get("method", "get").lower()
        self.inputs = {}
        self.buttons = []


class Forms(html.parser.HTMLParser):
    """The forms of a page: their inputs, and their buttons as (text, name, value)."""

    def __init__(self, page):
        super().__init__()
        self.found, self._button = [], None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.found.append(Form(attributes))
        elif not self.found:
            return
        elif tag == "input" and attributes.get("type") == "submit":
            self.found[-1].buttons.append((attributes.get("value", ""), attributes.get("name"), attributes.get("value", "")))
        elif tag == "input" and "name" in attributes:
            self.found[-1].inputs[attributes["name"]] = attributes.get("value", "")
        elif tag == "button":
            self._button = ["", attributes.get("name"), attributes.get("value", "")]

    def handle_data(self, data):
        if self._button:
            self._button[0] += data

    def handle_endtag(self, tag):
        if tag == "button" and self._button:
            text, name, value = self._button
            self.found[-1].buttons.append((" ".join(text.split()), name, value))
            self._button = None


class Left(Exception):
    """A redirect to somewhere that is not the server."""

    def __init__(self, url):
        super().__init__(url)
        self.url = url


class Browser:
    def __init__(self, origin):
        self.origin = origin
        browser = self

        class Redirects(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, request, response, code, message, headers, url):
                if not url.startswith(browser.origin + "/"):
                    raise Left(url)
                return super().redirect_request(request, response, code, message, headers, url)

        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies, Redirects)

    def open(self, url, fields=None):
        """The page's URL and its forms; raises Left when the way leads elsewhere."""
        data = urllib.parse.urlencode(fields).encode() if fields is not None else None
        headers = {"Origin": self.origin} if fields is not None else {}
        request = urllib.request.Request(url, data=data, headers=headers)
        try:
            with self._opener.open(request, timeout=60) as response:
                return response.geturl(), Forms(response.read().decode()).found
        except urllib.error.HTTPError as refused:
            raise RuntimeError(f"{url}: {refused.code}\n{refused.read().decode()[:2000]}") from None

    def submit(self, page, form, button, **filled):
        fields = {**form.inputs, **filled}
        if button and button[1]:
            fields[button[1]] = button[2]
        return self.open(urllib.parse.urljoin(page, form.action) if form.action else page, fields)
