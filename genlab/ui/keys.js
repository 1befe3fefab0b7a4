// What gradio's tabs and folds lack: arrow keys from tab to tab, what a fold is (open or closed), what a pad is.
(() => {
    document.addEventListener('keydown', event => {
        const list = event.target.closest?.('[role=tab]')?.closest('[role=tablist]');
        if (!list || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
        const tabs = [...list.querySelectorAll('[role=tab]')].filter(tab => tab.offsetParent && !tab.disabled);
        const at = tabs.indexOf(event.target), last = tabs.length - 1;
        const to = {ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at ? at - 1 : last, Home: 0, End: last}[event.key];
        if (to === undefined || at < 0) return;
        event.preventDefault();
        tabs[to].focus();  // Enter opens it: what a panel draws by itself is not drawn in passing
    });
    let waiting = false;
    function tell() {
        waiting = false;
        for (const fold of document.querySelectorAll('button.label-wrap')) {
            const open = String(fold.classList.contains('open'));
            if (fold.getAttribute('aria-expanded') !== open) fold.setAttribute('aria-expanded', open);
        }
        for (const pad of document.querySelectorAll('[data-testid=image][aria-label]:not([role])')) {
            pad.setAttribute('role', 'group');  // a label without a role is not read out
        }
    }
    new MutationObserver(() => {
        if (!waiting) requestAnimationFrame(tell);
        waiting = true;
    }).observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ['class']});
})();
