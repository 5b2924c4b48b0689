from harness.reporters import markdown


def test_markdown_holds_every_finding_and_breaks_no_table(report):
    text = markdown.render(report)
    assert text.startswith("# travel 1: NO-GO\n")
    assert "slow \\| slower" in text
    assert "`travel-int4-generic-cpu:1` in `published/x`" in text
    assert "int2 was not published: Foundry Local refused it" in text
    assert "onnxruntime 1.31.0" in text
