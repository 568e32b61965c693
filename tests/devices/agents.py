"""User agents as devices send them, with what each is and how people would call it.

Chromium's browsers cut theirs down: "Android 10; K" is any phone, "Windows NT 10.0" any Windows. An
iPad whose browser asks for the pages of a computer sends the very words of a Mac, so it is one.
"""

from refresh_sessions.devices import DeviceKind

PHONE, TABLET, COMPUTER, OTHER = DeviceKind

# ruff: noqa: E501 - they are that long
AGENTS = [
    (
        COMPUTER,
        "Chrome on macOS",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
    (
        COMPUTER,
        "Chrome on Windows",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
    (
        COMPUTER,
        "Chrome on Linux",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
    (
        COMPUTER,
        "Chrome on Chrome OS",
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
    (
        PHONE,
        "Chrome on Android",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    ),
    (
        TABLET,
        "Chrome on Android",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
    (
        PHONE,
        "Chrome on Pixel 7",
        "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0.0.0 Mobile Safari/537.36",
    ),
    (
        PHONE,
        "Chrome on iPhone",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0.7390.41 Mobile/15E148 Safari/604.1",
    ),
    (
        COMPUTER,
        "Edge on Windows",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
    ),
    (
        COMPUTER,
        "Edge on macOS",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
    ),
    (
        PHONE,
        "Edge on OnePlus HD1913",
        "Mozilla/5.0 (Linux; Android 10; HD1913) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36 EdgA/141.0.0.0",
    ),
    (
        PHONE,
        "Edge on iPhone",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 EdgiOS/141.0.3537.57 Mobile/15E148 Safari/605.1.15",
    ),
    (
        PHONE,
        "Safari on iPhone",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
    ),
    (
        COMPUTER,
        "Safari on macOS",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
    ),
    (
        TABLET,
        "Safari on iPad",
        "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1",
    ),
    (
        PHONE,
        "Safari on iPod",
        "Mozilla/5.0 (iPod touch; CPU iPhone OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Mobile/15E148 Safari/604.1",
    ),
    (
        COMPUTER,
        "Firefox on Windows",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    ),
    (
        COMPUTER,
        "Firefox on macOS",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Firefox/144.0",
    ),
    (
        COMPUTER,
        "Firefox on Linux",
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    ),
    (
        COMPUTER,
        "Firefox on Linux",
        "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    ),
    (
        PHONE,
        "Firefox on Android",
        "Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0",
    ),
    (
        TABLET,
        "Firefox on Android",
        "Mozilla/5.0 (Android 15; Tablet; rv:144.0) Gecko/144.0 Firefox/144.0",
    ),
    (
        PHONE,
        "Firefox on iPhone",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 15_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/144.0 Mobile/15E148 Safari/605.1.15",
    ),
    (
        COMPUTER,
        "Opera on Windows",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 OPR/122.0.0.0",
    ),
    (
        COMPUTER,
        "Vivaldi on Windows",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Vivaldi/7.6.3797.63",
    ),
    (
        PHONE,
        "Samsung Internet on Android",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    ),
    (
        PHONE,
        "Samsung Internet on Samsung SM-S918B",
        "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/21.0 Chrome/110.0.5481.154 Mobile Safari/537.36",
    ),
    (
        TABLET,
        "Samsung SM-X906C",
        "Mozilla/5.0 (Linux; Android 12; SM-X906C Build/QP1A.190711.020; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/80.0.3987.119 Mobile Safari/537.36",
    ),
    (
        TABLET,
        "Chrome on Samsung SM-X710",
        "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    ),
    (
        TABLET,
        "Silk on Amazon Fire",
        "Mozilla/5.0 (Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/119.2.9 like Chrome/119.0.6045.193 Safari/537.36",
    ),
    (
        OTHER,
        "Silk on Fire TV",
        "Mozilla/5.0 (Linux; Android 9; AFTKA) AppleWebKit/537.36 (KHTML, like Gecko) Silk/108.9.3 like Chrome/108.0.5359.220 Safari/537.36",
    ),
    (
        TABLET,
        "Pixel C",
        "Mozilla/5.0 (Linux; Android 7.0; Pixel C Build/NRD90M; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/52.0.2743.98 Safari/537.36",
    ),
    (
        OTHER,
        "Safari on Samsung TV",
        "Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) 94.0.4606.31/7.0 TV Safari/537.36",
    ),
    (
        OTHER,
        "Chrome on LG TV",
        "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36 WebAppManager",
    ),
    (
        OTHER,
        "Chrome on TV",
        "Mozilla/5.0 (Linux; Android 12; BRAVIA 4K VH2 Build/STT2.220929.001) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/100.0.4896.127 Safari/537.36",
    ),
    (
        OTHER,
        "Chrome on Chromecast",
        "Mozilla/5.0 (CrKey armv7l 1.5.16041) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/31.0.1650.0 Safari/537.36",
    ),
    (OTHER, "Apple TV", "AppleTV11,1/11.1"),
    (OTHER, "Roku", "Roku/DVP-13.0 (13.0.0.4166)"),
    (
        OTHER,
        "Safari on PlayStation 5",
        "Mozilla/5.0 (PlayStation; PlayStation 5/6.50) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.4 Safari/605.1.15",
    ),
    (
        OTHER,
        "Nintendo Switch",
        "Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/609.4 (KHTML, like Gecko) NF/6.0.2.20.5 NintendoBrowser/5.1.0.22474",
    ),
    (
        OTHER,
        "Edge on Xbox",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox Series X) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 Safari/537.36 Edge/44.18363.8131",
    ),
    (
        OTHER,
        "Googlebot",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    ),
    (
        OTHER,
        "Googlebot",
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.7390.122 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    ),
    (OTHER, "bingbot", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"),
    (
        OTHER,
        "GPTBot",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    ),
    (PHONE, "Pixel 7, the Shop app", "Shop/3.1 (Linux; Android 14; Pixel 7) okhttp/4.12"),
    (PHONE, "The Shop app on iOS", "Shop/2 CFNetwork/1494 Darwin/23.4.0"),
    (
        PHONE,
        "The Shop app on iOS",
        "Shop/2.4.1 (com.example.shop; build:241; iOS 17.4.0) Alamofire/5.8.1",
    ),
    (PHONE, "iPhone, the Shop app", "Shop/2.4.1 (iPhone; iOS 17.4; Scale/3.00)"),
    (TABLET, "iPad, the Shop app", "Shop/1.0 (iPad; iOS 16.1; Scale/2.00)"),
    (
        PHONE,
        "iPhone, the Shop app",
        "Shop/5 (iPhone15,2; iOS 17.4.1) CFNetwork/1494 Darwin/23.4.0",
    ),
    (OTHER, "Dart", "Dart/3.5 (dart:io)"),
    (PHONE, "okhttp on Android", "okhttp/4.12.0"),
    (PHONE, "Pixel 7", "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 7 Build/UQ1A.240205.002)"),
    (PHONE, "Android", "Dalvik/2.1.0 (Linux; U; Android 10; K)"),
    (PHONE, "The Expo app on iOS", "Expo/2.31.2 CFNetwork/1494.0.7 Darwin/23.4.0"),
    (OTHER, "ktor-client", "ktor-client"),
    (
        COMPUTER,
        "The Slack app on macOS",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Slack/4.41.105 Chrome/130.0.6723.191 Electron/33.4.0 Safari/537.36",
    ),
    (
        COMPUTER,
        "The shop-desktop app on Windows",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) shop-desktop/1.2.0 Chrome/128.0.6613.186 Electron/32.2.7 Safari/537.36",
    ),
    (
        COMPUTER,
        "Electron on Linux",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Electron/32.2.7 Chrome/128.0.6613.186 Safari/537.36",
    ),
    (
        PHONE,
        "iPhone, the Facebook app",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/450.0.0.0;FBDV/iPhone14,5]",
    ),
    (
        PHONE,
        "Samsung SM-S928B, the Shop app",
        "Mozilla/5.0 (Linux; Android 14; SM-S928B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/122.0.0.0 Mobile Safari/537.36 Shop/4.0",
    ),
    (
        PHONE,
        "Pixel 8",
        "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/122.0.0.0 Mobile Safari/537.36",
    ),
    (OTHER, "curl", "curl/8.5.0"),
    (OTHER, "Wget", "Wget/1.21.4"),
    (OTHER, "python-requests", "python-requests/2.32.3"),
    (OTHER, "python-httpx", "python-httpx/0.27.0"),
    (OTHER, "PostmanRuntime", "PostmanRuntime/7.39.0"),
    (OTHER, "HTTPie", "HTTPie/3.2.2"),
    (OTHER, "insomnia", "insomnia/9.3.1"),
    (OTHER, "axios", "axios/1.7.2"),
    (OTHER, "node", "node"),
    (OTHER, "Go-http-client", "Go-http-client/2.0"),
    (OTHER, "Java", "Java/17.0.9"),
    (OTHER, "Apache-HttpClient", "Apache-HttpClient/4.5.14 (Java/17.0.9)"),
    (
        COMPUTER,
        "Internet Explorer on Windows",
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
    ),
    (
        COMPUTER,
        "Headless Chrome on Linux",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0.0.0 Safari/537.36",
    ),
    (
        PHONE,
        "Google on iPhone",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/305.0.610440143 Mobile/15E148 Safari/604.1",
    ),
    (
        PHONE,
        "DuckDuckGo on iPhone",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) DuckDuckGo/7 Mobile/15E148 Safari/605.1.15",
    ),
    (
        OTHER,
        "Oculus Browser on Quest",
        "Mozilla/5.0 (Linux; Android 10; Quest 3) AppleWebKit/537.36 (KHTML, like Gecko) OculusBrowser/33.0 Chrome/126.0.6478.122 VR Safari/537.36",
    ),
    (
        OTHER,
        "Chrome on Tesla",
        "Mozilla/5.0 (X11; Linux aarch64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Tesla/2024.2",
    ),
    (
        PHONE,
        "MiuiBrowser on XiaoMi Redmi Note 9 Pro",
        "Mozilla/5.0 (Linux; U; Android 13; de-de; Redmi Note 9 Pro Build/TKQ1) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/112.0.5615.136 Mobile Safari/537.36 XiaoMi/MiuiBrowser/14.9.3-gn",
    ),
    (
        PHONE,
        "Chrome on 2201117TG",
        "Mozilla/5.0 (Linux; Android 13; 2201117TG) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Mobile Safari/537.36",
    ),
    (
        PHONE,
        "Huawei Browser on ELS-NX9",
        "Mozilla/5.0 (Linux; Android 12; ELS-NX9; HMSCore 6.13) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.88 HuaweiBrowser/14.0.5.302 Mobile Safari/537.36",
    ),
    (PHONE, "Pixel 7, the Shop app", "Shop/3.1 (Pixel 7; Android 14)"),
    (
        PHONE,
        "Samsung SM-G991B, the Shop app",
        "Shop/3.1 (Linux; U; Android 14; en-us; SM-G991B Build/UP1A)",
    ),
    (PHONE, "The Shop app on Android", "Shop/3.1 (Linux; Android 14; K) okhttp/4.12"),
    (PHONE, "The My Shop app on iOS", "My%20Shop/2 CFNetwork/1494 Darwin/23.4.0"),
    (COMPUTER, "The Shop app on macOS", "Shop/2 CFNetwork/1410.0.3 Darwin/22.6.0 (x86_64)"),
    (
        COMPUTER,
        "The Shop app on macOS",
        "Shop/2 (Mac14,2; macOS 14.4) CFNetwork/1494 Darwin/23.4.0",
    ),
    (COMPUTER, "The Shop app on Windows", "Shop/2.0 (Windows NT 10.0; Win64; x64)"),
    (
        OTHER,
        "The Shop app on Apple TV",
        "Shop/2.4.1 (com.example.shop; build:241; tvOS 17.4.0) Alamofire/5.8.1",
    ),
    (
        OTHER,
        "The Shop app on Apple Watch",
        "Shop/2.4.1 (Watch6,7; watchOS 10.4) CFNetwork/1494 Darwin/23.4.0",
    ),
    (
        PHONE,
        "iPhone, the Shop app",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Shop/4.0",
    ),
    (
        PHONE,
        "iPhone",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    ),
    (OTHER, "Shop", "Shop/1.2"),
    (OTHER, "Shop for people, second edition", "Shop for people, second edition"),
    (OTHER, "", ""),
]
