from autoreg.cli.manual import manual


def test_paragraphs_are_joined_and_examples_kept():
    def verb() -> None:
        """All about it,
        over two lines.

        Example::

            autoreg verb
                --more
        """

    assert manual(verb, "In short.").split("\n\n") == [
        "In short.",
        "All about it, over two lines.",
        "Example:",
        "    autoreg verb\n        --more",
    ]


def test_job_without_a_docstring_has_its_summary():
    assert manual(lambda: None, "In short.") == "In short."
