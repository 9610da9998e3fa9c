"""The React app of docs/adopting.md, built and served on an origin of its own."""

import functools
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support import adopting
from tests.support.node import package

SCRIPT = re.compile(r"^```jsx?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
URL = "https://presence.example.com"
# What the app has of its own: a sign-in that keeps its session, and refreshes it, in this page.
SUPABASE = """
const listeners = new Set();
let session = null;
export const supabase = {
  auth: {
    getSession: async () => ({ data: { session }, error: null }),
    onAuthStateChange(listener) {
      listeners.add(listener);
      return { data: { subscription: { unsubscribe: () => listeners.delete(listener) } } };
    },
  },
};
window.signIn = (access_token, event = 'SIGNED_IN') => {
  session = { access_token };
  for (const listener of listeners) listener(event, session);
};
window.signOut = () => {
  session = null;
};
"""
MAIN = """
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { Accounts } from './Accounts.jsx';
createRoot(document.querySelector('main')).render(createElement(Accounts));
"""
PAGE = "<!doctype html><title>App</title><main></main><script src=app.js></script>"


def build(folder: Path, *, service: str, org: str | None = None) -> None:
    """
    :param org: an expression that says which org the user chose
    """
    poller, accounts, *_ = SCRIPT.findall(adopting.PAGE)  # of step 6
    if org is not None:
        poller = poller.replace("getToken:", f"org: () => {org},\n  getToken:")
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/presence.js").write_text(poller.replace(URL, service))
    (folder / "lib/supabase.js").write_text(SUPABASE)
    (folder / "Accounts.jsx").write_text(accounts)
    (folder / "main.js").write_text(MAIN)
    (folder / "index.html").write_text(PAGE)
    modules = folder / "node_modules"
    modules.mkdir()
    for name in ("react", "react-dom", "scheduler"):
        (modules / name).symlink_to(package() / "node_modules" / name)
    (modules / "presence-client").symlink_to(package())
    esbuild = package() / "node_modules/.bin/esbuild"
    options = ["--bundle", "--jsx=automatic", "--log-level=warning", "--outfile=app.js"]
    subprocess.run([esbuild, "main.js", *options], cwd=folder, check=True)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(folder: Path, port: int) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{port}"
        server.shutdown()
