"""The pictures of devices, in pages of ours and of projects."""

from xml.etree import ElementTree as ET

import pytest
from django.template import Context, Template
from django.utils.safestring import SafeString

from refresh_sessions.devices import DeviceKind, device_icon

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("kind", DeviceKind.values)
class TestIcon:
    def test_is_one_drawing(self, kind):
        drawing = ET.fromstring(device_icon(kind))  # noqa: S314 - our own file
        assert drawing.tag == f"{SVG}svg"
        assert drawing.get("viewBox") == "0 0 24 24"
        assert len(drawing)

    def test_has_the_colour_of_the_text(self, kind):
        assert 'stroke="currentColor"' in device_icon(kind)

    def test_says_nothing_to_screen_readers(self, kind):
        assert 'aria-hidden="true"' in device_icon(kind)

    def test_holds_nothing_that_a_strict_policy_forbids(self, kind):
        for element in ET.fromstring(device_icon(kind)).iter():  # noqa: S314 - our own file
            assert element.tag not in {f"{SVG}style", f"{SVG}script"}
            assert not [name for name in element.attrib if name == "style" or name[:2] == "on"]

    def test_differs_from_the_others(self, kind):
        others = set(DeviceKind.values) - {kind}
        assert device_icon(kind) not in {device_icon(other) for other in others}

    def test_comes_unescaped_from_a_template(self, kind):
        page = Template("{% load refresh_sessions %}{% device_icon kind %}")
        assert page.render(Context({"kind": kind})) == device_icon(kind)
        assert isinstance(device_icon(kind), SafeString)


@pytest.mark.parametrize("kind", ["", "fridge", "../../mail/reuse_body", "<script>"])
def test_unknown_kinds_have_the_icon_of_others(kind):
    assert device_icon(kind) == device_icon(DeviceKind.OTHER)
