"""verify.py: the program by which a client verifies its deliveries without Throng."""

from tasks.deliverable.renderers.spec import Renderer, RenderInput
from tasks.deliverable.verifier import source


def verify_script(content: RenderInput) -> bytes:
    """The same for all clients."""
    return source()


RENDERER = Renderer("verify", "verify.py", "text/x-python", "verifies deliveries offline", verify_script)
