"""Client hints of browsers: reading and storage."""

import pytest
from django.test import RequestFactory
from hypothesis import given, strategies as st

from refresh_sessions.devices import STORED_LENGTH, ClientHints


def sent(**headers) -> ClientHints:
    meta = {f"HTTP_SEC_CH_{name}": value for name, value in headers.items()}
    return ClientHints.of_request(RequestFactory().get("/", **meta))


class TestRequest:
    def test_client_hints_without_headers_are_empty(self):
        assert sent() == ClientHints()
        assert ClientHints() == ClientHints(platform="", model="", brand="", mobile=None)

    def test_client_hints_with_all_headers_are_read(self):
        hints = sent(
            UA='"Google Chrome";v="141", "Not?A_Brand";v="8", "Chromium";v="141"',
            UA_PLATFORM='"Android"',
            UA_MODEL='"Pixel 7"',
            UA_MOBILE="?1",
        )
        assert hints == ClientHints(
            platform="Android", model="Pixel 7", brand="Chrome", mobile=True
        )

    @pytest.mark.parametrize(
        ("header", "brand"),
        [
            ('"Chromium";v="141", "Google Chrome";v="141", "Not?A_Brand";v="8"', "Chrome"),
            ('" Not;A Brand";v="99", "Brave";v="141", "Chromium";v="141"', "Brave"),
            ('"Microsoft Edge";v="141", "Not?A_Brand";v="8", "Chromium";v="141"', "Edge"),
            ('"Not A(Brand";v="24", "Opera";v="122", "Chromium";v="138"', "Opera"),
            ('"Not)A;Brand";v="8", "Chromium";v="138", "Vivaldi";v="7.6"', "Vivaldi"),
            (
                '"Not/A)Brand";v="8", "Samsung Internet";v="28"',
                "Samsung Internet",
            ),
            ('"Chromium";v="130", "YaBrowser";v="24.10", "Not?A_Brand";v="99"', "Yandex Browser"),
            ('"Chromium";v="141", "Not?A_Brand";v="8"', ""),
            ('"Android WebView";v="141", "Chromium";v="141", "Not?A_Brand";v="8"', ""),
            ("", ""),
            ("Brave", ""),
            ('"', ""),
            ('"Br\x00ave";v="1"', "Br ave"),
            (f'"{"B" * 100}";v="1"', "B" * 64),
            ('"' * 100_000, ""),
        ],
    )
    def test_client_hints_brand_is_read(self, header, brand):
        assert sent(UA=header).brand == brand

    @pytest.mark.parametrize(
        ("header", "platform"),
        [
            ('"macOS"', "macOS"),
            ("macOS", "macOS"),
            ('"Unknown"', ""),
            ('"a\nb\x00c"', "a b c"),
            ("x" * 4096, "x" * 64),
        ],
    )
    def test_client_hints_platform_is_read(self, header, platform):
        assert sent(UA_PLATFORM=header).platform == platform

    @pytest.mark.parametrize("header", ["", "1", "true", "?2", "?1;x"])
    def test_client_hints_mobile_of_other_value_is_none(self, header):
        assert sent(UA_MOBILE=header).mobile is None


texts = st.text(max_size=80)


class TestStoring:
    @given(texts, texts, texts, st.sampled_from(["", "?0", "?1", "x"]))
    def test_stored_client_hints_round_trip_within_the_column(
        self, platform, model, brand, mobile
    ):
        hints = sent(UA=f'"{brand}";v="1"', UA_PLATFORM=platform, UA_MODEL=model, UA_MOBILE=mobile)
        stored = hints.to_store()
        assert len(stored) <= STORED_LENGTH
        assert ClientHints.from_stored(stored) == hints

    def test_stored_empty_client_hints_are_empty(self):
        assert ClientHints().to_store() == ""
        assert ClientHints.from_stored("") == ClientHints()

    @given(st.text())
    def test_stored_client_hints_of_any_text_are_read(self, stored):
        ClientHints.from_stored(stored)
