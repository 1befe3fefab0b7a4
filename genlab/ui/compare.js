// Marks the cards of Compare whose pictures are of other settings than those that are set now.
window.genlabCompare = {
    mark(earlier, family) {  // or all of them
        const cards = document.querySelectorAll(family ? `#card-${family}` : '[id^=card-]');
        for (const card of cards) card.toggleAttribute('data-earlier', earlier);
    },
    changed(name) {  // an input, by its name in the address
        const [family, knob] = name.split('.');
        if (name !== 'families' && knob !== 'train') this.mark(true, knob && family);
    },
};
document.addEventListener('genlab-set', ({detail}) => {
    if (detail.place === 'compare') detail.names.forEach(name => genlabCompare.changed(name));
});
document.addEventListener('click', ({target}) => {
    const button = target.closest?.('#sample-all, [id^=sample-], [id^=back-]');
    if (button) genlabCompare.mark(false, button.id === 'sample-all' ? '' : button.id.replace(/^(sample|back)-/, ''));
}, {capture: true});
