// Shows what the server says in the visitor's language, and remembers a choice of language.
// The lookup is that of catalogue.py; the catalogue is the one that gradio was given.
(() => {
    const STORE = 'genlab-language', PREFIX = 'gl:', KNOWN = ['en', 'ko'];
    const given = window.gradio_config?.i18n_translations?.ko ?? {};
    const texts = new Map(Object.entries(given).filter(([key]) => key.startsWith(PREFIX))
        .map(([key, said]) => [key.slice(PREFIX.length), said]));

    const HOLE = /\{(\w+)\}/g, WORD = /[A-Za-z]{2}/;
    const NUMBER = '([-−+±]?\\d[\\d,.]*(?:e[-+]?\\d+)?%?|–|nan|inf)';
    const SEAMS = [/(?:(?<=[.!?…])|(?<=[.!?]\)))( )(?=[A-Z0-9])/, /(; )/, /(: )/, /(, )/, /( – | · | \/ )/];
    const isNumber = hole => /^n\d*$/.test(hole), isFree = hole => /^(n|any)\d*$/.test(hole);
    const patterns = [...texts.keys()].filter(key => key.search(HOLE) >= 0)
        .map(key => ({key, said: key.replace(HOLE, '').length, free: key.includes('{any')}))
        .sort((a, b) => b.said - a.said || a.free - b.free || (a.key < b.key ? -1 : 1))
        .map(({key}) => {
            const holes = [...key.matchAll(HOLE)].map(hole => hole[1]);
            const literal = key.split(/\{\w+\}/).map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
            const source = literal.map((part, i) =>
                part + (i === holes.length ? '' : isNumber(holes[i]) ? NUMBER : '(.+?)')).join('');
            return {key, holes, fits: new RegExp(`^${source}$`, 's')};
        });

    const cache = new Map();
    function translate(text) {  // null: not known
        if (cache.size > 20000) cache.clear();
        if (!cache.has(text)) cache.set(text, lookUp(text));
        return cache.get(text);
    }
    function lookUp(text) {
        const said = text.trim();
        if (!WORD.test(said)) return text;
        const found = texts.get(said) ?? fitting(said) ?? parts(said);
        return found == null ? null : text.replace(said, () => found);
    }
    function fitting(said) {
        for (const {key, holes, fits} of patterns) {
            const match = fits.exec(said);
            if (!match) continue;
            const held = {};
            holes.forEach((name, i) => {
                const part = match[i + 1];
                held[name] = isFree(name) ? part : translate(part);
            });
            if (Object.values(held).includes(null)) continue;
            return texts.get(key).replace(HOLE, (_, name) => held[name]);
        }
        return null;
    }
    function parts(said) {
        for (const seam of SEAMS) {
            const pieces = said.split(seam);
            if (pieces.length < 2) continue;
            const found = pieces.map(translate);
            if (found.every(piece => piece !== null)) return found.join('');
        }
        return null;
    }

    const root = document.documentElement, ATTRIBUTES = ['title', 'aria-label', 'alt', 'placeholder', 'data-head'];
    const korean = () => (root.lang || '').startsWith('ko');
    // What people wrote, code, formulas and names of files stay; so does gradio's page of the API.
    const LEFT = 'script, style, textarea, code, pre, .katex, [contenteditable=true], .api-docs, .file-preview, [data-language]';
    const shown = new WeakMap();  // node -> {place: {english, said}}

    function put(node, place, now, set) {
        const before = shown.get(node)?.[place];
        const english = before && before.said === now ? before.english : now;
        const said = korean() ? translate(english) ?? english : english;
        if (said === now) return;
        shown.set(node, {...shown.get(node), [place]: {english, said}});
        set(said);
    }
    function text(node) {
        if (node.parentElement?.closest(LEFT)) return;
        put(node, 'text', node.nodeValue, said => { node.nodeValue = said; });
    }
    function attributes(element) {
        if (element.closest(LEFT)) return;
        for (const name of ATTRIBUTES)
            if (element.hasAttribute(name))
                put(element, name, element.getAttribute(name), said => element.setAttribute(name, said));
    }
    function walk(node) {
        if (node.nodeType === Node.TEXT_NODE) return text(node);
        if (node.nodeType !== Node.ELEMENT_NODE) return;
        attributes(node);
        const each = document.createTreeWalker(node, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
        while (each.nextNode()) each.currentNode.nodeType === Node.TEXT_NODE
            ? text(each.currentNode) : attributes(each.currentNode);
    }

    const watcher = new MutationObserver(changes => {
        for (const {type, target, addedNodes} of changes) {
            if (type === 'childList') addedNodes.forEach(walk);
            else if (type === 'characterData') text(target);
            else attributes(target);
        }
    });
    let watching = false;
    function press() {
        const now = korean() ? 'ko' : 'en';
        document.querySelectorAll('#language [data-language]').forEach(button =>
            button.setAttribute('aria-pressed', String(button.dataset.language === now)));
    }
    function follow() {
        press();
        if (!korean() && !watching) return;  // an English page costs nothing
        if (!watching) watcher.observe(document.body, {
            subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ATTRIBUTES,
        });
        watching = true;
        walk(document.body);
    }

    // gradio takes the browser's language; another one is chosen as its own settings do, without a reload.
    async function choose(language) {
        const core = [...performance.getEntriesByType('resource').map(entry => entry.name),
            ...[...document.querySelectorAll('link[rel=modulepreload], script[src]')].map(e => e.href || e.src)]
            .find(name => /\/assets\/core-[\w-]+\.js$/.test(name));
        try {
            (await import(core)).changeLocale(language);
        } catch {
            root.lang = language;  // another gradio: at least what is ours
        }
    }
    function remember(language) {
        try { localStorage.setItem(STORE, language); } catch { /* a browser that keeps nothing */ }
        const address = new URL(location);
        if (address.searchParams.has('lang')) {
            address.searchParams.set('lang', language);
            genlabPanels.put(address);
        }
    }
    function kept() {
        try { return localStorage.getItem(STORE); } catch { return null; }
    }

    const asked = new URLSearchParams(location.search).get('lang') ?? kept();
    if (KNOWN.includes(asked)) remember(asked);
    new MutationObserver(() => { remember(root.lang); follow(); })
        .observe(root, {attributes: true, attributeFilter: ['lang']});
    if (KNOWN.includes(asked) && !root.lang.startsWith(asked)) choose(asked);
    document.addEventListener('click', event => {
        const button = event.target.closest?.('#language [data-language]');
        if (button) choose(button.dataset.language);
    });
    new MutationObserver(() => {  // the switch comes with the page, and again when gradio draws it anew
        if (document.querySelector('#language [data-language]:not([aria-pressed])')) press();
    }).observe(document.body, {subtree: true, childList: true});
    follow();
})();
