/** The page of Swagger UI, at `/docs`; its files are relative, so that it works below a proxy's prefix. */
export const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Tidings</title>
    <link rel="icon" href="docs/favicon-32x32.png" type="image/png" />
    <link rel="stylesheet" href="docs/swagger-ui.css" />
    <script src="docs/swagger-ui-bundle.js" defer></script>
    <script src="docs/docs.js" defer></script>
  </head>
  <body>
    <div id="docs"></div>
    <noscript>This page needs JavaScript. <a href="docs/openapi.yaml">openapi.yaml</a> has the same content.</noscript>
  </body>
</html>
`;

/** Shows the document, which is served beside the script. */
export const SCRIPT = `SwaggerUIBundle({
  url: new URL('openapi.yaml', document.currentScript.src).href,
  dom_id: '#docs',
  deepLinking: true,
});
`;
