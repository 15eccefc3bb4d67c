/* global document, fetch */
import { Desk } from './desk.js';

/** Tokens live for an hour; each session brings new ones. */
let session = null;

async function renew() {
  const response = await fetch('/demo/session');
  if (!response.ok) throw new Error(`The demo gives no session: ${response.status}.`);
  session = await response.json();
}

function showProblem(text) {
  const line = document.getElementById('problem');
  line.textContent = text;
  line.hidden = text === '';
}

/** In your own page: returns the token from your sign-in. */
async function tokenOf(name, reason) {
  if (reason !== 'initial') await renew();
  return session.users.find((user) => user.name === name).token;
}

try {
  await renew();
  for (const { name } of session.users) {
    const desk = new Desk({
      name,
      getToken: (reason) => tokenOf(name, reason),
      apiKey: session.producerApiKey,
      push: session.push,
      showProblem,
    });
    document.getElementById('desks').append(desk.root);
  }
} catch (error) {
  showProblem(error.message);
}
