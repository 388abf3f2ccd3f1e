"""The tests, in an environment of their own: neither the user's secrets nor a busy machine matter."""

import os

for name in [name for name in os.environ if name.startswith("CHATBOT_")]:
    del os.environ[name]
# Networks of two layers gain nothing from threads, and threads that wait for each other on a busy
# machine take fifty times as long. Set before torch is imported, for processes of the tests too.
os.environ.setdefault("OMP_NUM_THREADS", "1")
