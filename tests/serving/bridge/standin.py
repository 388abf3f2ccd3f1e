"""A chat program to drive: python standin.py TITLE. Shows what stdin says, prints what is sent.

Lines that begin with "/title " rename the window. Shows messages as KakaoTalk's window copies them.
"""

import sys
import threading
import tkinter as tk


def print_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(title: str) -> None:  # noqa: C901 a window and what it does
    root = tk.Tk()
    root.title(title)
    root.geometry("420x560+40+40")
    root.configure(background="#b2c7d9")
    font = ("NanumGothic", 12)
    shown = tk.Text(root, font=font, background="#b2c7d9", wrap="word", height=20)
    typed = tk.Text(root, font=font, height=4, wrap="word")
    typed.pack(side="bottom", fill="x")
    shown.pack(side="top", fill="both", expand=True)
    shown.insert("end", "2026년 10월 2일 금요일\n")

    def select_all(event: tk.Event) -> str:
        event.widget.tag_add("sel", "1.0", "end-1c")
        return "break"

    def send(event: tk.Event) -> str:
        text = typed.get("1.0", "end-1c")
        typed.delete("1.0", "end")
        if text:
            show(f"[가람] [오후 7:40] {text}")
            print_line(f"sent {text}")
        return "break"

    def paste(event: tk.Event) -> str:
        typed.insert("insert", root.clipboard_get(type="UTF8_STRING"))
        return "break"

    def show(line: str) -> None:
        if line.startswith("/title "):
            root.title(line.removeprefix("/title "))
        else:
            shown.insert("end", line + "\n")
            shown.see("end")
        print_line("shown")

    def listen() -> None:
        for line in sys.stdin:
            root.after(0, show, line.rstrip("\n"))

    for widget in (shown, typed):
        widget.bind("<Control-a>", select_all)
    typed.bind("<Return>", send)
    typed.bind("<Control-v>", paste)
    typed.focus_set()
    root.update()
    print_line("ready")
    threading.Thread(target=listen, daemon=True).start()
    root.mainloop()


if __name__ == "__main__":
    main(sys.argv[1])
