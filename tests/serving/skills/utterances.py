"""Invented messages: what people ask of skills, by skill, and what they say to a friend."""

REQUESTS = {
    "clock": """
지금 몇 시야?
지금 몇시
몇 시야
몇시예요?
야 지금 몇 시야ㅋㅋ
현재 시간 알려줘
지금 시각 좀 알려 주세요
지금 몇 시 몇 분이야?
시간 알려줘
오늘 며칠이야?
오늘 몇 월 며칠이야
오늘 날짜 알려줘
오늘이 며칠이지?
오늘 무슨 요일이야?
오늘 무슨 요일이죠
무슨 요일이야?
what time is it?
What's the time
What's the date today?
what day is it today
혹시 지금 몇 시인지 아세요?
""",
    "weather": """
서울 날씨
서울 날씨 어때?
오늘 서울 날씨 알려줘
부산 내일 날씨 어때
내일 부산 날씨 좀 알려 주세요
제주도 모레 날씨
강릉 날씨 궁금해
날씨 알려줘
오늘 날씨 어때?
내일 날씨는 어떨까?
대전 오늘 비 올까?
내일 비 와?
뉴욕 날씨
새벽에 눈 온대?
서울 강남구 날씨 어때
파리 지금 날씨
weather in Seoul
What's the weather like in Busan tomorrow?
how is the weather in london
forecast for tokyo tomorrow
""",
    "stocks": """
삼성전자 주가
삼성전자 주가 얼마야?
네이버 주가 알려줘
SK하이닉스 주가 어때
카카오 주식 얼마야
현대차 주가 좀 알려 주세요
LG화학 시세
오늘 셀트리온 주가
005930 주가
포스코홀딩스 주식 가격
stock price of NAVER
what's the share price of KT&G
카카오뱅크 지금 얼마 해?
""",
    "lotto": """
로또 번호 추천해줘
로또 번호 뽑아줘
로또 번호 알려줘
로또 번호
이번 주 로또 번호 찍어줘
로또 번호 6개 뽑아 주세요
로또 추천 좀 해줘
give me lotto numbers
draw lotto numbers please
로또 숫자 골라줘
""",
    "keyboard": """
dkssud
dkssudgktpdy
rkatkgkqslek
qkq ajrdjTdj?
anjgo
tkfkdgo
wlrma djeldi
dhsmf ajgo?
dkfkTdjzz
DKSSUD
whgdk
sk wlq rksek
dho dkswk
dkssudzz
""",
    "manners": """
시발
씨발놈아
야 이 병신아
개새끼야
꺼져
닥쳐
너 진짜 바보야
미친놈아
ㅅㅂ
fuck you
shut up
야 이 바보야
you are an idiot
""",
    "reset": """
초기화
대화 초기화해줘
초기화 해 주세요
리셋
대화 지워줘
처음부터 다시 시작하자
reset
start over
""",
    "help": """
도움말
사용법 알려줘
뭐 할 수 있어?
help
what can you do?
""",
}
ORDINARY = """
안녕
오늘 뭐해?
밥 먹었어?
몇 시에 만날까?
너 몇 시에 자?
우리 몇 시에 보기로 했지
시간 있어?
시간 진짜 빨리 간다
나 시간 없어
내일 며칠 남았더라 시험
생일이 며칠이라고 했지?
오늘 날씨 진짜 좋다
날씨 너무 춥지 않아?
날씨 좋으니까 산책 가자
어제 날씨 최악이었음
비 온다
우산 챙겼어?
비 와서 못 나가겠어
거기 날씨 어때?
요즘 날씨 왜 이래
주식 망했어
주가 떨어져서 우울해
삼성전자 샀어
나도 주식 시작할까
요즘 주가 어때
주식 얘기 좀 그만해
로또 사러 갈래?
로또 당첨되면 뭐 할 거야
나 로또 5등 됐다ㅋㅋ
로또 또 꽝이네
도와줘
나 좀 도와줄 수 있어?
도움이 많이 됐어
그거 사용법 어렵더라
핸드폰 초기화했더니 사진 다 날아감
초기화면이 이상해
컴퓨터 리셋하면 되지 않아?
다시 시작하고 싶다
처음부터 다시 해야 돼
불이 갑자기 꺼져서 놀랐어
핸드폰이 자꾸 꺼져
지하철 시발역이 어디야
시발점이 뭐였더라
강아지가 새끼를 낳았어
새끼손가락 다쳤어
바보 같은 실수를 했어
나 진짜 바보인가 봐
미친 듯이 뛰었어
와 미쳤다 진짜 맛있어
쓰레기 버리고 와
쓰레기봉투 사야 돼
죽을 만큼 보고 싶어
배고파 죽겠다
ㅋㅋㅋㅋ
ㅎㅎ 그러게
ㅠㅠ 힘들어
ㅇㅇ
ㄴㄴ
응 알겠어
아니 그게 아니고
집에 가는 중
지금 어디야?
지금 가고 있어
오늘 저녁에 뭐 먹지
오늘 회의 있어
요일 착각했다
무슨 요일이 편해?
월요일 싫다
언제 와?
잘 자
good morning
hello
how are you?
so good
ok
no way
what are you doing
I am so tired
see you today
lol
wifi password
sorry
today was fun
do you want to go with them
the weather is nice
time flies
I won the lottery
help me move this sofa
the stock market is crazy
reset your expectations lol
you are funny
netflix and chill
go for it
work work work
thank you so much
who is that girl
3시에 보자
1+1 행사한대
010으로 시작하는 번호야
https://example.org/abc
카톡 왜 안 봐
유튜브 추천해줘
영화 추천해줘
뭐 하고 있어?
"""


def lines(text):
    """The lines of a text."""
    return [line for line in text.splitlines() if line.strip()]
