// A file of its own: the page may run no code that stands in it (wire/security_headers.py).
SwaggerUIBundle({
  dom_id: '#api',
  url: document.getElementById('api').dataset.description,
  deepLinking: true,
});
