"""What a browser is told about the page: it keeps to its own host, and runs nothing it was not sent by it."""

AGENT = "x-genlab-session"  # of an agent's request: the secret name by which it keeps a session
SELF = "'self'"
FRAMES = "https://huggingface.co https://*.huggingface.co https://*.hf.space"  # where a Space is shown

POLICY = {
    "default-src": SELF,
    "script-src": f"{SELF} 'unsafe-inline' 'unsafe-eval' blob:",  # gradio's page is made of these
    "style-src": f"{SELF} 'unsafe-inline'",
    "img-src": f"{SELF} data: blob:",
    "font-src": f"{SELF} data:",
    "media-src": f"{SELF} data: blob:",
    "connect-src": f"{SELF} data: blob:",
    "worker-src": f"{SELF} blob:",
    "object-src": "'none'",
    "base-uri": SELF,
    "form-action": SELF,
    "frame-ancestors": f"{SELF} {FRAMES}",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",  # an upload that calls itself a picture is no page
}
