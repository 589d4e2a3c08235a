"""HS256 with Python's standard library alone: an independent second opinion.

  hs256.py sign SECRET < claims.json     prints a token
  hs256.py verify SECRET TOKEN           prints the claims, or fails
"""
import base64
import hashlib
import hmac
import json
import sys


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def mac(secret, signed):
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()


def main():
    command, secret = sys.argv[1:3]
    if command == "sign":
        claims = json.load(sys.stdin)
        header = {"alg": "HS256", "typ": "JWT"}
        signed = ".".join(encode(json.dumps(part).encode()) for part in (header, claims))
        print(signed + "." + encode(mac(secret, signed)))
        return
    signed, _, signature = sys.argv[3].rpartition(".")
    if not hmac.compare_digest(mac(secret, signed), decode(signature)):
        sys.exit("wrong signature")
    header, claims = (json.loads(decode(part)) for part in signed.split("."))
    if header["alg"] != "HS256":
        sys.exit("another algorithm")
    print(json.dumps(claims))


main()
