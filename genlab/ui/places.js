// Keeps the page's address at what is open and set, once the visitor has touched the page: what it opens by
// itself has not been chosen. A place that is opened is an entry of the browser's history, a value is none.
// KEY, LESSON, OLD, STILL, RUN, CLICKED, PAGE and BOX stand before this text.
const PASSING = [RUN, STILL, CLICKED, OLD];
const PATIENCE = 30000;  // milliseconds for a place to open

window.genlabPanels = {
    told: [],  // keys that the present panel wrote
    page: {},
    touched: false,
    moved: false,  // the visitor has done something since a link was followed
    home: 'compare',  // what an address without a place has opened
    going: '',  // the place that is being opened: what is seen on the way there is not chosen
    open: '',  // the place that is seen
    within: {},  // of an outer tab the place that was last open in it
    known: {},  // the values of a place, as its address tells them

    at(given = new URLSearchParams(location.search)) {
        return given.get(KEY) || (given.has(OLD) ? OLD : this.home);
    },
    own(given) {
        const others = [KEY, LESSON, ...PAGE, ...PASSING];
        return [...given].filter(([key]) => !others.includes(key) && !key.startsWith('__'));
    },
    same(some, others) {
        const [a, b] = [some, others].map(pairs => new URLSearchParams(pairs));
        return a.sort(), b.sort(), a.toString() === b.toString();
    },
    begin() {
        const given = new URLSearchParams(location.search), place = given.get(KEY);
        for (const key of PAGE) this.page[key] = given.get(key);
        this.told = this.own(given).map(([key]) => key);
        if (place) this.head(place, this.own(given));
    },

    // The address
    put(address, added = false) {
        const query = address.search.replaceAll('%2F', '/').replaceAll('%2C', ',');
        const text = address.pathname + query + address.hash;
        for (const key of PAGE) this.page[key] = address.searchParams.get(key);
        if (text !== location.pathname + location.search + location.hash)
            history[added ? 'pushState' : 'replaceState'](null, '', text);
    },
    write(place, pairs, added, lesson) {
        const address = new URL(location);
        for (const key of [...this.told, ...PASSING]) address.searchParams.delete(key);
        address.searchParams.set(KEY, place);
        for (const [key, value] of pairs) address.searchParams.set(key, value);
        if (lesson) address.searchParams.set(LESSON, lesson);
        else if (lesson === null) address.searchParams.delete(LESSON);
        this.told = pairs.map(([key]) => key);
        this.put(address, added);
        this.undock(place);
    },
    forget(key) {
        const address = new URL(location);
        address.searchParams.delete(key);
        this.put(address);
    },

    // A place is asked for
    head(place, pairs) {
        this.known[place] = pairs;
        this.moved = false;
        this.going = place === this.open ? '' : place;
        setTimeout(() => { if (this.going === place) this.going = ''; }, PATIENCE);
    },
    say(query) {
        const box = document.querySelector(`#${BOX} textarea, #${BOX} input`);
        if (!box) return false;
        box.value = `${query}&${CLICKED}=${Date.now()}`;
        return box.dispatchEvent(new Event('input', {bubbles: true}));
    },
    arrive(query) {
        const given = new URLSearchParams(query), place = given.get(KEY), pairs = this.own(given);
        if (!this.say(query)) return false;
        this.write(place, pairs, true, given.get(LESSON));
        this.head(place, pairs);
        genlabGuide.show(given.get(LESSON))?.focus({preventScroll: true});
        return true;
    },
    back() {
        const address = new URL(location), given = address.searchParams;
        for (const key of PAGE) this.page[key] ? given.set(key, this.page[key]) : given.delete(key);
        const place = this.at(given), pairs = this.own(given);
        const still = this.same(this.known[place] ?? [], pairs);
        this.told = pairs.map(([key]) => key);
        this.put(address);
        this.undock(place);
        genlabGuide.show(given.get(LESSON));
        if (still && place === this.open) return;
        this.head(place, pairs);
        this.say(new URLSearchParams([[KEY, place], ...pairs, ...(still ? [[STILL, 1]] : [])]).toString());
    },

    // A place is seen, its values change
    visit(tab) {
        const [outer, inner] = tab.split('/');
        if (inner) this.within[outer] = tab;
        const place = this.within[outer] ?? tab;
        if (this.going && ![tab, place].includes(this.going)) return;
        const at = this.at();
        this.going = '';
        this.open = place;
        if (!this.touched && !new URLSearchParams(location.search).has(KEY)) this.home = place;
        if (!this.touched || at === place || at.startsWith(place + '/')) return;
        this.goOn();
        this.write(place, this.known[place] ?? [], !place.startsWith(at + '/'));
        if (place === 'lessons') genlabGuide.close();
    },
    remember(place, button, names, first, values) {
        const panel = document.getElementById(button);
        if (!panel?.offsetParent) return;
        const equal = (a, b) => JSON.stringify(a) === JSON.stringify(b);
        const text = value => Array.isArray(value) ? value.join(',') : String(value ?? '');
        const changed = names.map((name, i) => [name, values[i], first[i]]).filter(f => !equal(f[1], f[2]));
        const at = this.at(), pairs = changed.map(([name, now]) => [name, text(now)]);
        const [before, now] = [this.known[place] ?? [], pairs].map(told => new Map(told));
        this.known[place] = pairs;
        const set = names.filter(name => before.get(name) !== now.get(name));
        if (this.touched) document.dispatchEvent(new CustomEvent('genlab-set', {detail: {place, names: set}}));
        if (!this.touched || (at !== place && !place.startsWith(at + '/'))) return;
        this.goOn();
        this.write(place, pairs, false);
        if (document.body.dataset.dock === place) panel.click();
    },
    goOn() {  // what was wrong with a link does not matter any longer
        if (!this.moved || !document.querySelector('#arrived .gl-note')) return;
        this.moved = false;
        this.say('');
    },

    // The dock
    show(place) {
        document.body.dataset.dock = place;
        document.getElementById('dock')?.scrollIntoView({behavior: 'smooth', block: 'nearest'});
    },
    undock(place) {
        if (document.body.dataset.dock !== place) delete document.body.dataset.dock;
    },
};

// A click on a link to a tab of this page is an event of the page; with a modifier key it is the browser's.
document.addEventListener('click', event => {
    const link = event.target.closest && event.target.closest(`a[href^="?${KEY}="]`);
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    if (genlabPanels.arrive(link.getAttribute('href').slice(1))) event.preventDefault();
});
for (const kind of ['pointerdown', 'keydown']) document.addEventListener(kind, event => {
    genlabPanels.touched = genlabPanels.moved = true;
    if (event.target.closest?.('[role=tab], .overflow-menu')) genlabPanels.going = '';
}, {capture: true});
for (const kind of ['input', 'change']) document.addEventListener(kind, event => {
    if (event.isTrusted) genlabPanels.goOn();
}, {capture: true});
document.addEventListener('click', event => {
    if (event.isTrusted && event.target.closest?.('button.primary')) genlabPanels.goOn();
}, {capture: true});
window.addEventListener('popstate', () => genlabPanels.back());
genlabPanels.begin();
