#!/usr/bin/env python3
"""Keeps a copy of an account: by a snapshot first, then by the feed; and compares it with the account's digest.

    GATEWAY=https://id.example.com TOKEN=gwo_… python3 follow-events.py ACCOUNT copy.json

Run it again and it goes on from where it was. It ends when the copy is that of the digest; with 1 if the two differ.
"""

import hashlib
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request


class Number(str):
    """A number that is no whole one, as it was written."""


def ask(path, **query):
    """The answer to a GET; None for 410."""
    text = urllib.parse.urlencode({name: value for name, value in query.items() if value is not None})
    request = urllib.request.Request(f"{os.environ['GATEWAY']}{path}?{text}")
    request.add_header("Authorization", f"Bearer {os.environ['TOKEN']}")
    try:
        with urllib.request.urlopen(request, timeout=90) as answer:
            return json.load(answer, parse_float=Number)
    except urllib.error.HTTPError as refused:
        if refused.code == 410:
            return None
        sys.exit(f"{path}: {refused.code} {refused.read().decode()}")


def snapshot(account):
    """The account as it is, and the cursor after which the feed goes on."""
    copy = {"cursor": None, "users": {}, "access": {}, "groups": {}, "members": {}}
    page = {"next": None}
    while "next" in page:
        page = ask("/events/snapshot", account=account, limit=1000, after=page["next"])
        if page is None:
            return snapshot(account)
        copy["cursor"] = page["cursor"]
        for item in page["items"]:
            if item["type"] == "user":
                copy["users"][item["user"]["id"]] = item["user"]
                copy["access"][item["user"]["id"]] = item["access"]
            elif item["type"] == "group":
                copy["groups"][item["group"]["id"]] = item["group"]
            elif item["type"] == "members":
                copy["members"].setdefault(item["group"]["id"], []).extend(item["members"])
    return copy


def apply(copy, event):
    """Applies an event, also one that was applied before. Says whether all of it was told."""
    kind, data, about = event["type"], event["data"], (event["subject"] or {}).get("id")
    if kind in ("user.deleted", "group.deleted"):
        for part in ("users", "access", "groups", "members"):
            copy[part].pop(about, None)
        for group in copy["members"]:
            copy["members"][group] = [member for member in copy["members"][group] if member != about]
    elif kind == "group.membership_changed":
        members = dict.fromkeys(copy["members"].get(about, []))
        members.update(dict.fromkeys(member["id"] for member in data["added"]))
        for member in data["removed"]:
            members.pop(member["id"], None)
        copy["members"][about] = list(members)
    elif kind == "access.changed":
        copy["access"].update((user["id"], user["access"]) for user in data["users"])
    elif "user" in data:
        copy["users"][about] = data["user"]
        copy["access"][about] = data["access"]
    elif "group" in data:
        copy["groups"][about] = data["group"]
    return data.get("complete", True) and kind not in ("account.imported", "attribute.removed")


def place(cursor):
    """Of two cursors of one account, the one with the higher place is later."""
    return int(cursor.rsplit(".", 1)[1])


def follow(account, copy, end):
    """Applies what follows, up to a cursor."""
    while place(copy["cursor"]) < place(end):
        page = ask("/events", account=account, after=copy["cursor"], limit=1000)
        if page is None:
            return snapshot(account)
        for event in page["events"]:
            if place(event["cursor"]) > place(end):
                return copy
            if not apply(copy, event):
                return snapshot(account)
            copy["cursor"] = event["cursor"]
        if not page["more"]:
            copy["cursor"] = min(page["cursor"], end, key=place)
    return copy


def canonical(value):
    """JSON without spaces, the members of each object in the order of their names."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{canonical(name)}:{canonical(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return value if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def digest(lines):
    """How many lines, and the sum of their SHA-256 modulo 2^256."""
    hashes = [int.from_bytes(hashlib.sha256(line.encode()).digest(), "big") for line in lines]
    return {"count": len(hashes), "digest": f"{sum(hashes) % 2**256:064x}"}


def digests(copy):
    """The digest of each part of a copy."""
    members = copy["members"].items()
    return {
        "users": digest(canonical(user) for user in copy["users"].values()),
        "access": digest(canonical({"id": user, "access": access}) for user, access in copy["access"].items()),
        "groups": digest(canonical(group) for group in copy["groups"].values()),
        "members": digest(f"{group} {member}" for group, ids in members for member in ids),
    }


def main(account, file):
    if os.path.exists(file):
        with open(file) as kept:
            copy = json.load(kept, parse_float=Number)
    else:
        copy = snapshot(account)
    for _ in range(5):
        theirs = ask("/events/digest", account=account)
        copy = follow(account, copy, theirs["cursor"])
        if place(copy["cursor"]) <= place(theirs["cursor"]):
            break
    # What was done and how far it is: at once.
    with open(f"{file}.new", "w") as kept:
        kept.write(canonical(copy))
    os.replace(f"{file}.new", file)
    ours = digests(copy)
    differ = [part for part in ours if ours[part] != theirs[part]]
    print(", ".join(f"{ours[part]['count']} {part}" for part in ours), f"at {copy['cursor']}:", differ or "the same")
    return 1 if differ else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
