"""What the generated requests need besides: addresses of their own, as limits are per network, and a member's token."""

import os

import requests
import schemathesis

ORIGIN = os.environ["ORIGIN"]
OWNER = {"email": os.environ["OWNER_EMAIL"], "password": os.environ["OWNER_PASSWORD"]}
count = 0


def address():
    """Another network for every request."""
    global count
    count += 1
    return f"10.{count >> 16 & 255}.{count >> 8 & 255}.{count & 255}"


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.headers is not None:
        case.headers["X-Forwarded-For"] = address()


@schemathesis.auth(refresh_interval=300).apply_to(path="/api/v1/me")
class Token:
    """The access token of the owner's app. It is good for a quarter of an hour."""

    def get(self, case, context):
        body = {"grant_type": "password", "username": OWNER["email"], "password": OWNER["password"]}
        answer = requests.post(f"{ORIGIN}/api/v1/tokens", json=body, headers={"X-Forwarded-For": address()}, timeout=10)
        answer.raise_for_status()
        return answer.json()["access_token"]

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.auth().apply_to(path_regex=r"^/api/v1/(?!me$|tokens)")
class Key:
    """A key with every scope there is."""

    def get(self, case, context):
        return os.environ["API_KEY"]

    def set(self, case, data, context):
        case.headers["X-API-Key"] = data
