// Runs before the first paint, so that neither the theme nor the screen changes before one's eyes.
{
  const { dataset } = document.documentElement;
  const isKept = [sessionStorage, localStorage].some((area) => area.getItem('presence.session'));
  dataset.screen = isKept ? 'board' : 'sign-in';
  dataset.theme = localStorage.getItem('presence.theme') ?? 'auto';
}
