() => {
  // Addresses of files are relative to the page: under a root path they hold only when it ends with a slash.
  if (!location.pathname.endsWith('/')) history.replaceState(null, '', location.pathname + '/' + location.search + location.hash);

  const saved = localStorage.getItem('studio-theme');
  if (saved && !location.search.includes('__theme')) document.body.classList.toggle('dark', saved === 'dark');
  window.studioTheme = () => localStorage.setItem('studio-theme', document.body.classList.toggle('dark') ? 'dark' : 'light');

  const seen = query => [...document.querySelectorAll(query)].find(one => one.offsetParent && !one.disabled);
  document.addEventListener('keydown', event => {
    // A field that sends by Enter alone has already done so, and says it by preventDefault.
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.defaultPrevented) {
      const go = seen('button.go');
      if (go) { event.preventDefault(); document.activeElement?.blur?.(); setTimeout(() => go.click(), 30); }
    }
    if (event.key === 'Escape') (seen('.detail .close') ?? seen('button.halt'))?.click();
  });

  document.addEventListener('click', event => {
    if (innerWidth < 768 && event.target.closest('button.go')) seen('.stage, .talk, .hello')?.scrollIntoView({ behavior: 'smooth' });
    if (innerWidth < 768 && event.target.closest('#nav > .tab-wrapper [role=tab]')) scrollTo(0, 0);
  });

  // Sound: the line of what was played, a click on a drawing goes there, and one sound at a time.
  const sound = inside => inside.closest('.sound');
  const show = audio => {
    const tracks = sound(audio)?.querySelector('.tracks');
    tracks?.style.setProperty('--played', Math.min(1, audio.currentTime / tracks.dataset.seconds) || 0);
  };
  const play = audio => { show(audio); if (!audio.paused) requestAnimationFrame(() => play(audio)); };
  document.addEventListener('play', event => {
    for (const other of document.querySelectorAll('audio')) if (other !== event.target) other.pause();
    if (sound(event.target)) play(event.target);
  }, true);
  document.addEventListener('seeked', event => sound(event.target) && show(event.target), true);
  document.addEventListener('click', event => {
    const drawing = event.target.closest('.tracks, .walk'), player = drawing?.closest('figure').querySelector('audio, video');
    if (!player) return;
    const box = drawing.getBoundingClientRect(), length = drawing.dataset.seconds || player.duration || 0;
    player.currentTime = Math.max(0, (event.clientX - box.left) / box.width) * length;
  });

  // Arrow keys go from face to face in a sheet.
  document.addEventListener('keydown', event => {
    const sheet = event.target.closest?.('.sheet');
    if (!sheet) return;
    const cells = [...sheet.querySelectorAll('button')], across = cells.filter(one => one.offsetTop === cells[0].offsetTop).length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
    const next = step && cells[cells.indexOf(event.target) + step];
    if (next) { event.preventDefault(); next.focus(); next.click(); }
  });

  // What gradio leaves out for screen readers, and moments in the reader's own zone.
  const mend = () => {
    for (const button of document.querySelectorAll('button.label-wrap')) {
      const open = String(button.classList.contains('open'));
      if (button.getAttribute('aria-expanded') !== open) button.setAttribute('aria-expanded', open);
    }
    for (const time of document.querySelectorAll('time[datetime]:not([data-local])')) {
      const moment = new Date(time.getAttribute('datetime'));
      time.dataset.local = '';
      if (!isNaN(moment)) time.textContent = moment.toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
    }
  };
  let due = 0;
  new MutationObserver(() => { if (!due) due = setTimeout(() => { due = 0; mend(); }, 100); })
    .observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['class'] });
  mend();
}
