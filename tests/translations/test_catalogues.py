"""Each text is translated into each shipped language, and compiled."""

import os
import re
import shutil
from collections import Counter

import pytest
from django.utils import translation

from refresh_sessions.admin.revoke import _confirmation_text
from refresh_sessions.exceptions import InvalidTokenError, SessionRevokedError
from tests.translations.catalogues import (
    LANGUAGES,
    PACKAGE,
    extract,
    forms_of,
    key_of,
    mo_of,
    placeholders,
    po_of,
)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    if shutil.which("xgettext") is None:
        reason = "GNU gettext is not installed, so the texts in the code cannot be read off it"
        if os.environ.get("REFRESH_SESSIONS_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return extract(tmp_path_factory.mktemp("texts"))


def test_languages_match_catalogue_folders():
    assert sorted(path.name for path in (PACKAGE / "locale").iterdir()) == sorted(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
class TestCatalogue:
    def test_catalogue_has_exactly_the_texts_of_the_code(self, language, texts):
        assert {key_of(entry) for entry in po_of(language)} == texts

    def test_catalogue_translates_each_text(self, language):
        untranslated = [entry.msgid for entry in po_of(language) if not all(forms_of(entry))]
        assert untranslated == []

    def test_catalogue_has_no_fuzzy_or_obsolete_entries(self, language):
        doubtful = [entry.msgid for entry in po_of(language) if entry.fuzzy or entry.obsolete]
        assert doubtful == []

    def test_catalogue_has_each_plural_form(self, language):
        # The forms of the newest Django; an older one keeps those of the package separate.
        catalogue = po_of(language)
        number = int(re.search(r"nplurals=(\d)", catalogue.metadata["Plural-Forms"])[1])
        plurals = [entry for entry in catalogue if entry.msgid_plural]
        assert plurals
        assert {len(entry.msgstr_plural) for entry in plurals} == {number}

    def test_catalogue_keeps_placeholders(self, language):
        for entry in po_of(language):
            known = placeholders(entry.msgid) | placeholders(entry.msgid_plural or "")
            needed = placeholders(entry.msgid) & placeholders(entry.msgid_plural or entry.msgid)
            for form in forms_of(entry):
                assert needed - {"%(count)d"} <= placeholders(form) <= known, entry.msgid

    def test_catalogue_keeps_outer_line_breaks(self, language):
        for entry in po_of(language):
            for form in forms_of(entry):
                assert form.startswith("\n") == entry.msgid.startswith("\n"), entry.msgid
                assert form.endswith("\n") == entry.msgid.endswith("\n"), entry.msgid

    def test_catalogue_is_compiled_from_current_source(self, language):
        compiled = {key_of(entry): forms_of(entry) for entry in mo_of(language)}
        assert compiled == {key_of(entry): forms_of(entry) for entry in po_of(language)}

    def test_catalogue_translates_distinct_texts_distinctly(self, language):
        # A translation copied to a second text is the most common slip.
        sentences = [entry for entry in po_of(language) if entry.msgid.endswith((".", "?"))]
        counted = Counter(form for entry in sentences for form in set(forms_of(entry)))
        assert [form for form, count in counted.items() if count > 1] == []

    def test_catalogue_translation_is_shown_in_answers(self, language):
        english = str(SessionRevokedError.message)
        with translation.override(translation.to_language(language)):
            assert str(SessionRevokedError.message) != english


def test_error_text_is_in_language_of_request(client):
    body = {"refresh": "no-token"}
    answer = client.post(
        "/auth/refresh/", body, format="json", headers={"accept-language": "de"}
    ).json()
    assert answer["code"] == "token_not_valid"
    with translation.override("de"):
        assert answer["detail"] == str(InvalidTokenError.message)
    with translation.override("en"):
        assert answer["detail"] != str(InvalidTokenError.message)


@pytest.mark.parametrize("language", LANGUAGES)
def test_confirmation_text_has_its_count_filled_in(language):
    # A language with one form for both needs the number in the text.
    with translation.override(translation.to_language(language)):
        assert not any("%" in _confirmation_text(count) for count in (1, 2))
