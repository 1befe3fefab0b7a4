"""The tab Lessons, and the box that goes along while a lesson's step is looked at in its panel."""

from html import escape

import gradio as gr

from genlab.lessons import KEY, LESSONS, Lesson, Step, steps
from genlab.ui.diffusion.pieces import question
from genlab.ui.places import places

QUESTION = "From an autoencoder to Stable Diffusion in six lessons: where to begin?"
HOW = (
    "Each step sets a panel for you and says what to look for; a box with its question goes along. Change "
    "what you like: the next step sets everything anew."
)
CLOSE = '<button type="button" data-close aria-label="Leave the lesson">×</button>'
PRINT = "() => window.print()"


def link(name: str, text: str, kind: str = "") -> str:
    """A link to the step ``name``."""
    classes = f' class="{kind}"' if kind else ""
    return f'<a{classes} href="?{escape(steps()[name].query(name))}">{escape(text)}</a>'


def asked(step: Step) -> str:
    """A step's question, its answer folded."""
    return (
        f'<p class="gl-ask">{escape(step.question)}</p><details class="gl-answer"><summary>Answer</summary>'
        f"<p>{escape(step.answer)}</p></details>"
    )


def lesson(i: int, found: Lesson, titles: dict[str, str]) -> str:
    """A whole lesson."""
    body = ""
    for k, step in enumerate(found.steps, 1):
        name = f"{i}.{k}"
        where = link(name, f"Open {titles[step.place]}", "gl-open")
        body += f"<li><p>{escape(step.look)} {where}</p>{asked(step)}</li>"
    return (
        f'<article class="gl-lesson"><h2>{i}. {escape(found.title)}</h2><p>{escape(found.idea)}</p>'
        f"<ol>{body}</ol></article>"
    )


def guide() -> str:
    """Every step as it goes along with its panel; a script shows the one that the address names."""
    names = list(steps())
    boxes = ""
    for at, (name, step) in enumerate(steps().items()):
        before = link(names[at - 1], "Back") if at else ""
        after = link(names[at + 1], "Next step") if at + 1 < len(names) else ""
        title = LESSONS[int(name.split(".")[0]) - 1].title
        boxes += (
            f'<section data-step="{name}" hidden tabindex="-1" aria-label="Lesson {name}">'
            f"{CLOSE}<details open><summary><b>Lesson {name}</b> {escape(title)}</summary>"
            f"<p>{escape(step.look)}</p>{asked(step)}<nav>{before}"
            f'<a href="?tab=lessons">All lessons</a>{after}</nav></details></section>'
        )
    return f'<aside id="guide">{boxes}</aside>'


def build(tabs: gr.Tabs) -> None:
    """The whole tab.

    Args:
        tabs: The page's, all but this one built: what the steps link to.
    """
    titles = places(tabs)
    question(QUESTION)
    gr.HTML(f"<p>{HOW}</p>")
    gr.HTML("".join(lesson(i, found, titles) for i, found in enumerate(LESSONS, 1)), elem_id="lessons")
    button = gr.Button("Print the lessons", size="sm", elem_id="lessons-print", elem_classes="gl-call")
    button.click(None, None, None, js=PRINT, api_visibility="private")


# Shows the step that the address names, and closes it again.
SCRIPT = f"""<script>
window.genlabGuide = {{
    show(name) {{
        for (const box of document.querySelectorAll('#guide section')) box.hidden = box.dataset.step !== name;
        return document.querySelector('#guide section:not([hidden])');
    }},
    close() {{
        genlabPanels.forget('{KEY}');
        const within = document.activeElement?.closest('#guide');
        this.show('');
        const tabs = [...document.querySelectorAll('[role=tab][aria-selected=true]')];
        if (within) tabs.find(tab => tab.offsetParent)?.focus();  // not lost with the box
    }},
    begin() {{
        const name = new URLSearchParams(window.location.search).get('{KEY}');
        if (!name) return;
        const timer = setInterval(() => {{
            if (!document.querySelector('#guide')) return;
            clearInterval(timer);
            this.show(name);
        }}, 100);
    }},
}};
document.addEventListener('click', event => {{
    if (event.target.closest && event.target.closest('#guide [data-close]')) genlabGuide.close();
}});
document.addEventListener('keydown', event => {{
    if (event.key === 'Escape' && document.querySelector('#guide section:not([hidden])')) genlabGuide.close();
}});
genlabGuide.begin();
</script>"""
