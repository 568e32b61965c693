"""Device icons on the package's pages and on project pages."""

from xml.etree import ElementTree as ET

import pytest
from django.template import Context, Template
from django.utils.safestring import SafeString

from refresh_sessions.devices import DeviceKind, device_icon

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("kind", DeviceKind.values)
class TestIcon:
    def test_icon_is_one_svg(self, kind):
        drawing = ET.fromstring(device_icon(kind))  # noqa: S314 - our own file
        assert drawing.tag == f"{SVG}svg"
        assert drawing.get("viewBox") == "0 0 24 24"
        assert len(drawing)

    def test_icon_has_the_colour_of_the_text(self, kind):
        assert 'stroke="currentColor"' in device_icon(kind)

    def test_icon_is_hidden_from_screen_readers(self, kind):
        assert 'aria-hidden="true"' in device_icon(kind)

    def test_icon_has_no_inline_style_or_script(self, kind):
        for element in ET.fromstring(device_icon(kind)).iter():  # noqa: S314 - our own file
            assert element.tag not in {f"{SVG}style", f"{SVG}script"}
            assert not [name for name in element.attrib if name == "style" or name[:2] == "on"]

    def test_icon_differs_for_each_kind(self, kind):
        others = set(DeviceKind.values) - {kind}
        assert device_icon(kind) not in {device_icon(other) for other in others}

    def test_icon_in_template_is_not_escaped(self, kind):
        page = Template("{% load refresh_sessions %}{% device_icon kind %}")
        assert page.render(Context({"kind": kind})) == device_icon(kind)
        assert isinstance(device_icon(kind), SafeString)


@pytest.mark.parametrize("kind", ["", "fridge", "../../mail/reuse_body", "<script>"])
def test_icon_of_unknown_kind_equals_icon_of_other(kind):
    assert device_icon(kind) == device_icon(DeviceKind.OTHER)
