// Runs before the first paint, so that neither the theme nor the screen changes before one's eyes.
{
  const { dataset } = document.documentElement;
  dataset.screen = sessionStorage.getItem('presence.session') ? 'board' : 'sign-in';
  dataset.theme = localStorage.getItem('presence.theme') ?? 'auto';
}
