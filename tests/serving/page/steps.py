"""What a person does on the page, and what the page then shows and stores."""

from tests.serving.page.scripted import PASSWORD


def log_in(page, password=PASSWORD):
    page.fill("#gate-secret", password)
    page.press("#gate-secret", "Enter")
    page.wait_for_selector("#input:visible")


def send(page, text):
    page.fill("#input", text)
    page.press("#input", "Enter")


def say(page, text):
    """Send a message and wait until the bot has answered."""
    send(page, text)
    wait_until_idle(page)


def wait_until_idle(page):
    page.wait_for_selector("#actions:visible")


def bubbles(page, whose=""):
    return page.locator(f"#log {whose} .bubble").all_inner_texts()


def messages_of(chat):
    return [(message["role"], message["content"]) for message in chat["messages"]]


def clear(page, answer):
    page.click("#menu-open")
    page.click("#clear")
    page.click(answer)


def stored_texts(page):
    return page.evaluate(
        """async () => {
          const wait = (request) => new Promise((done) => { request.onsuccess = () => done(request.result); });
          const database = await wait(indexedDB.open('chatbot'));
          return (await wait(database.transaction('messages').objectStore('messages').getAll()))
            .map((row) => row.text);
        }"""
    )
