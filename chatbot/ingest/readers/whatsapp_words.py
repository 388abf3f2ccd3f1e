"""The words that WhatsApp writes in place of attachments and calls, in the languages of its phones.

Those of languages other than English are not confirmed by its documentation: an unknown phrase of
an iPhone is a system line, because a mark precedes it, and of an Android phone it is text.
"""

import re

from chatbot.ingest.readers.attachments import kind_of_file

MESSENGER = "WhatsApp"
EXPORT_STEPS = "in WhatsApp: chat menu, more, export chat, without media"

# Phrases between < and > on Android, for every kind of attachment.
OMITTED = (
    "media omitted",
    "미디어 파일을 제외한 메시지",
    "미디어 파일 제외됨",
    "미디어 제외됨",
    "미디어 파일 생략됨",
    "medien ausgeschlossen",
    "medien weggelassen",
    "multimedia omitido",
    "archivo omitido",
    "médias omis",
    "fichier omis",
    "mídia oculta",
    "arquivo de mídia oculto",
    "ficheiro não revelado",
    "media omessi",
    "media weggelaten",
    "メディアは含まれていません",
    "メディアなし",
    "媒体文件已省略",
    "忽略多媒体文件",
    "省略多媒體檔案",
    "省略媒體檔",
    "忽略多媒體檔",
    "без медиафайлов",
    "файл пропущен",
    "medya dahil edilmedi",
    "pominięto multimedia",
    "media tidak disertakan",
    "media har utelämnats",
    "média vynechána",
    "मीडिया को छोड़ दिया गया",
    "המדיה לא נכללה",
    "تم استبعاد الوسائط",
    "view once voice message omitted",
)
EDITED = (
    "this message was edited",
    "이 메시지는 수정되었습니다",
    "수정된 메시지입니다",
    "메시지가 수정되었습니다",
    "diese nachricht wurde bearbeitet",
    "se editó este mensaje",
    "ce message a été modifié",
    "mensagem editada",
    "questo messaggio è stato modificato",
    "このメッセージは編集されました",
    "编辑过此消息",
    "此消息已编辑",
    "此訊息已編輯",
    "dit bericht is bewerkt",
    "данное сообщение изменено",
    "bu mesaj düzenlendi",
)
# In brackets behind the name of a file that the export contains.
ATTACHED = (
    "file attached",
    "파일 첨부",
    "파일 첨부됨",
    "첨부 파일",
    "datei angehängt",
    "archivo adjunto",
    "fichier joint",
    "arquivo anexado",
    "ficheiro anexado",
    "file allegato",
    "bestand bijgevoegd",
    "添付ファイル",
    "ファイル添付済み",
    "文件附件",
    "檔案已附加",
    "附件檔案",
    "файл добавлен",
    "dosya ekli",
    "plik dołączony",
    "file terlampir",
)
_DELETED = (
    "(?:this message was|you) deleted(?: this message)?",
    "this message was deleted by admin [^\n]{1,60}",
    "이 메시지는 삭제되었습니다",
    "삭제된 메시지입니다",
    "(?:이 )?메시지를 삭제했습니다",
    "(?:내가|나에 의해) 삭제(?:한|된) 메시지입니다",
    "diese nachricht wurde gelöscht",
    "du hast diese nachricht gelöscht",
    "(?:se eliminó|eliminaste) este mensaje",
    "este mensaje fue eliminado",
    "ce message a été supprimé",
    "vous avez supprimé ce message",
    "(?:esta )?mensagem (?:foi )?apagada",
    "(?:você apagou|apagou) esta mensagem",
    "questo messaggio è stato eliminato",
    "hai eliminato questo messaggio",
    "(?:この)?メッセージ(?:は削除されました|を削除しました)",
    "此消息已(?:被)?删除",
    "(?:您|你)删除了(?:这条|此)消息",
    "(?:您|你)已刪除(?:這則|此)訊息",
    "(?:這則|此)訊息已(?:被)?刪除",
    "dit bericht is verwijderd",
    "(?:u hebt|je hebt) dit bericht verwijderd",
    "данное сообщение удалено",
    "вы удалили данное сообщение",
    "bu mesaj silindi",
    "bu mesajı sildiniz",
    "pesan ini (?:telah )?dihapus",
    "anda menghapus pesan ini",
)
_CALL = (
    "(?:missed |silenced )?(?:group )?(?:voice|video) call(?:[,.] [^\n]{1,40})?",
    "(?:부재중 )?(?:그룹 )?(?:음성|영상) ?(?:전화|통화)(?:[,.] ?[^\n]{1,40})?",
    "(?:verpasster )?(?:sprach|video)anruf(?:[,.] [^\n]{1,40})?",
    "(?:llamada|videollamada) (?:de voz )?perdida",
    "appel (?:vocal|vidéo) manqué",
    "chamada de (?:voz|vídeo) perdida",
    "chiamata (?:vocale|video) persa",
    "(?:不在着信|音声通話|ビデオ通話)(?:[,.、] ?[^\n]{1,40})?",
    "未接(?:语音|语音通话|視訊|语音來電|語音|视频)(?:通话|通話|来电|來電)?",
)
_LOCATION = (
    r"(?:location|위치|standort|ubicación|localisation|localização|posizione): https?://\S+",
    r"(?:位置|位置情報|位置信息)[:：] ?https?://\S+",
    "live location shared",
    "실시간 위치(?:를)? 공유(?:됨|함)?",
    "live-standort wird geteilt",
    "ubicación en tiempo real compartida",
)
_NOUNS = {
    "photo": (
        "image",
        "photo",
        "사진",
        "이미지",
        "bild",
        "imagen",
        "imagem",
        "immagine",
        "画像",
        "写真",
        "图像",
        "图片",
        "圖片",
        "照片",
        "afbeelding",
        "изображение",
        "görüntü",
        "gif",
    ),
    "video": (
        "video(?: note)?",
        "동영상",
        "영상 메시지",
        "비디오",
        "vidéo",
        "vídeo",
        "動画",
        "ビデオ",
        "视频",
        "影片",
        "視訊",
        "видео",
        "видеозаметка",
    ),
    "voice": (
        "audio",
        "voice message",
        "오디오",
        "음성 메시지",
        "áudio",
        "オーディオ",
        "音声",
        "音频",
        "音訊",
        "аудиофайл",
        "ses",
    ),
    "emoticon": (
        "sticker",
        "스티커",
        "figurinha",
        "autocollant",
        "ステッカー",
        "スタンプ",
        "贴图",
        "貼圖",
        "стикер",
        "çıkartma",
    ),
    "file": (
        "document",
        "문서",
        "파일",
        "dokument",
        "documento",
        "ドキュメント",
        "文件",
        "檔案",
        "документ",
        "belge",
    ),
    "contact": (
        "contact card",
        "연락처(?: 카드)?",
        "kontaktkarte",
        "tarjeta de contacto",
        "fiche contact",
        "cartão do contato",
        "連絡先(?:カード)?",
        "联系人卡片",
        "聯絡人名片",
        "карточка контакта",
    ),
}
_LEFT_OUT = (
    "omitted",
    "생략됨",
    "생략",
    "제외됨",
    "weggelassen",
    "ausgelassen",
    "nicht enthalten",
    "omitid[oa]",
    "omiss?[oa]",
    "omesso",
    "omessa",
    "ocultad[oa]",
    "absente?",
    "omise?",
    "retirée?",
    "manquant",
    "non inclus[oa]",
    "esclus[oa]",
    "は含まれていません",
    "省略",
    "が省略されました",
    "已忽略",
    "已略去",
    "已省略",
    "weggelaten",
    "отсутствует",
    "пропущен[ао]?",
    "dahil edilmedi",
)


def _any_of(phrases: tuple[str, ...]) -> str:
    return "|".join(phrases)


# A whole message, in lower case.
MEDIA = re.compile(
    "(?:"
    + "|".join(
        (
            *(
                f"(?P<{kind}>(?:{_any_of(nouns)})\\s?(?:{_any_of(_LEFT_OUT)}))"
                for kind, nouns in _NOUNS.items()
            ),
            f"(?P<attachment><(?:{_any_of(tuple(map(re.escape, OMITTED)))})>)",
            f"(?P<deleted>{_any_of(_DELETED)})",
            f"(?P<call>{_any_of(_CALL)})",
            f"(?P<map>{_any_of(_LOCATION)})",
            r"(?P<page>[^\n]{1,200}\.\w{1,5} • \u200e?[^\n•]{1,30}(?: • \u200e?|\u200e)"
            r"[^\n•]{1,30})",
        )
    )
    + r")[.。]?"
)
EDIT_MARK = re.compile(rf"\s?\u200e?<(?:{_any_of(EDITED)})[.。]?>$", re.IGNORECASE)
FILE_BEHIND = re.compile(
    r"(?P<name>[^\n:*?\"<>|]{1,200}\.\w{1,5}) "
    rf"\((?:{_any_of(ATTACHED)})\)$",
    re.IGNORECASE,
)
# Names that phones give to files tell an attachment in any language.
FILE_NAMED = re.compile(
    r"(?P<name>(?:IMG|VID|AUD|PTT|STK|DOC)-\d{8}-WA\d+\.\w{1,5}) \([^()\n]{2,40}\)$"
)
FILE_INSIDE = re.compile(r"(?:^|\s)\u200e?<[^<>:\n]{1,30}: ?(?P<name>[^<>\n/]{1,200}\.\w{1,5})>$")
_STICKERS = ("STK-", "-STICKER-")
_ROOMS = (
    re.compile(r"WhatsApp[ -]?Chat (?:with|mit|met|con|com|-) (?P<room>.+)", re.IGNORECASE),
    re.compile(r"[\w -]{0,30}WhatsApp (?:con|com|avec|-) (?P<room>.+)", re.IGNORECASE),
    re.compile(r"(?P<room>.+?) ?님과의 WhatsApp .+", re.IGNORECASE),
)


def media_of(name: str) -> str:
    """Return the kind of an attachment by the name of its file."""
    is_sticker = any(mark in name for mark in _STICKERS)
    return "emoticon" if is_sticker else kind_of_file(name)


def room_of(stem: str) -> str:
    """Return the room or contact named in a file name, "" if there is none.

    >>> room_of("WhatsApp Chat with 등산 (1)"), room_of("notes")
    ('등산', '')
    """
    matches = (pattern.fullmatch(stem) for pattern in _ROOMS)
    room = next((match["room"] for match in matches if match), "")
    return re.sub(r" ?\(\d\)$", "", room)
