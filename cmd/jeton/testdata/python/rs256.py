"""RS256 with PyJWT and cryptography.

  rs256.py sign KEY.pem < claims.json                prints a token
  rs256.py verify KEY.pem ISSUER AUDIENCE TOKEN      prints the claims, or fails
  rs256.py verify-jwks URL ISSUER AUDIENCE TOKEN     the same, with the issuer's keys
"""
import json
import sys

import jwt


def main():
    command, source = sys.argv[1:3]
    if command == "sign":
        with open(source, "rb") as f:
            print(jwt.encode(json.load(sys.stdin), f.read(), algorithm="RS256"))
        return
    issuer, audience, token = sys.argv[3:6]
    if command == "verify-jwks":
        key = jwt.PyJWKClient(source).get_signing_key_from_jwt(token).key
    else:
        with open(source, "rb") as f:
            key = f.read()
    claims = jwt.decode(token, key, algorithms=["RS256"], issuer=issuer, audience=audience,
                        options={"require": ["exp", "iat"]})
    print(json.dumps(claims))


main()
