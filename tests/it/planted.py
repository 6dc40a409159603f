import base64, binascii, html, json, os, random, shlex, sys, textwrap, time, urllib.parse, xml.sax.saxutils

text = sys.argv[1]
args = json.load(open(text[1:])) if text.startswith("@") else json.loads(text)
secrets = args["all"]
assert secrets == [os.environ["S%d" % index] for index in range(len(secrets))]


def forms(secret):
    raw = secret.encode()
    yield secret
    yield from secret.splitlines()
    yield json.dumps(secret)
    yield json.dumps(secret, ensure_ascii=False)
    yield json.dumps({"key": secret}).replace("/", "\\/")
    yield json.dumps(json.dumps({"key": secret}))
    yield json.dumps(secret).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    yield repr(secret)
    yield repr(raw)
    yield repr({"a": [secret]})
    yield urllib.parse.quote(secret)
    yield urllib.parse.quote(secret, safe="")
    yield urllib.parse.quote(secret, safe="").lower() if secret.islower() else ""
    yield urllib.parse.quote_plus(secret)
    yield urllib.parse.urlencode({"password": secret})
    yield "https://user:%s@example.org/?q=%s" % (urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret))
    for before in (b"", b"x", b"xy", b"user:"):
        for after in (b"", b"z", b"zz"):
            yield base64.b64encode(before + raw + after).decode()
            yield base64.urlsafe_b64encode(before + raw + after).decode().rstrip("=")
    yield base64.b64encode(json.dumps({"key": secret}, ensure_ascii=False).encode()).decode()
    yield base64.encodebytes(raw).decode()
    yield "\n".join(textwrap.wrap(base64.b64encode(raw).decode(), 64))
    yield binascii.hexlify(raw).decode()
    yield binascii.hexlify(raw).decode().upper()
    yield html.escape(secret)
    yield html.escape(secret, quote=False)
    yield xml.sax.saxutils.quoteattr(secret)
    yield shlex.quote(secret)
    yield "'" + secret.replace("'", "'\\''") + "'"


def write(descriptor, text):
    rest = text.encode()
    while rest:
        size = random.choice([1, 2, 7, 40, 1000, 5000]) if len(rest) < 2000 else random.choice([40, 1000, 5000])
        rest = rest[os.write(descriptor, rest[:size]):]


for descriptor in (1, 2):
    for secret in secrets:
        for form in forms(secret):
            write(descriptor, "<<" + form + ">>\n")
    write(descriptor, " ".join(secrets) + "\n" + json.dumps(args) + "\n" + repr(os.environ) + "\n")
with open("a file of the script's own", "w") as file:
    file.write("nothing secret")
write(1, "every secret arrived\neverything is printed\n")
while not os.path.exists(os.environ["GO"]):
    time.sleep(0.01)
raise RuntimeError("it fails with " + secrets[0] + " and " + json.dumps(secrets[2]))
