// Before the page is painted: the theme that was chosen. Without one, the system's.
(() => {
  try {
    const chosen = localStorage.getItem('eider.theme')
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen
  } catch {
    // Storage is switched off.
  }
})()
