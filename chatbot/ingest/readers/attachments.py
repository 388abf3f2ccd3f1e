"""The name of an attached file -> the kind of attachment, in the words of `Message.media`."""

_ENDINGS = {
    ending: kind
    for kind, endings in (
        ("photo", "jpg jpeg png gif webp heic bmp"),
        ("video", "mp4 mov webm mkv avi m4v 3gp"),
        ("voice", "m4a mp3 ogg opus wav aac amr caf"),
        ("contact", "vcf"),
    )
    for ending in endings.split()
}


def kind_of_file(name: str) -> str:
    """Return the kind of a file by its ending.

    >>> kind_of_file("IMG_0001.HEIC"), kind_of_file("일정표.pdf")
    ('photo', 'file')
    """
    return _ENDINGS.get(name.rpartition(".")[2].lower(), "file")
