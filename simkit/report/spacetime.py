"""The page's parts that move with the slider: the diagram of messages, who talks to whom, what each host shows.

What is here is their frame and what can be said without the script; the script draws inside it.

It deliberately holds no data: that travels in `page_data`.
"""

from html import escape

from simkit.observe.document import Document
from simkit.report import strips
from simkit.report.messages import Messages


def messages_section(document: Document, messages: Messages | None) -> str:
    """Return the frame of the space-time diagram and of the topology; empty for a run without a trace."""
    if messages is None:
        return ""
    if not messages.total:
        return "<p>No host sent anything to another.</p>"
    story = any(violation.story for _, violation in strips.violations(document))
    return (
        f"<p class='note'>{escape(_told(messages))}</p>{_tools(story)}"
        '<canvas id="diagram" tabindex="0" role="img" aria-label="Messages between hosts over time. Keys: comma and '
        'full stop step from message to message, w follows what came before."></canvas>'
        '<p class="note" id="in-view"></p><div class="panel" id="why" aria-live="polite" hidden></div>'
        '<div class="topology"><div><h3>Who talks to whom, in the window above</h3><div id="topology"></div>'
        '<p class="note"><span class="key"><i class="talk"></i>messages</span> <span class="key"><i class="cut"></i>'
        'cut</span> <span class="key"><i class="worse"></i>worse link</span> <span id="cuts"></span></p></div>'
        '<div><h3>What each host shows at the moment</h3><div id="hosts-now"></div></div></div>'
    )


def _told(messages: Messages) -> str:
    """Say what the diagram holds, and what it leaves out."""
    kept = len(messages.columns["time_ns"])
    use = "Click one for what it says and why it was sent; drag to move, double click or + to zoom."
    if kept == messages.total and not messages.unread:
        held = f"All {kept:,} messages, and what hosts said had happened as dots."
    else:
        around = "all around violations, the lines of stories and the edges of faults"
        others = f", and one in {messages.spread} of the others" if messages.spread > 1 else ""
        unread = (
            f" {messages.unread:,} records of this long run, away from those, were not read." if messages.unread else ""
        )
        held = f"{kept:,} of {messages.total:,} messages: {around}{others}.{unread} Chains of causes may end early."
    return f"{held} Lines in red brought the story about. {use}"


def _tools(story: bool) -> str:
    button = '<button type="button" id="{}">{}</button>'
    buttons = [
        ("zoom-here", "this moment"),
        *([("zoom-story", "the story")] if story else []),
        ("zoom-run", "whole run"),
    ]
    return (
        '<div class="filters"><label class="hidden" for="message-host">Host</label>'
        '<select id="message-host"><option value="-1">every host</option></select>'
        '<label class="hidden" for="message-kind">Kind</label>'
        '<select id="message-kind"><option value="-1">every kind</option></select>'
        '<label class="hidden" for="message-text">Text</label>'
        '<input type="search" id="message-text" placeholder="text of a message (key /)">'
        f'<span class="buttons">{"".join(button.format(*each) for each in buttons)}'
        '<button type="button" id="zoom-in" aria-label="zoom in">+</button>'
        '<button type="button" id="zoom-out" aria-label="zoom out">&minus;</button></span></div>'
    )
