// The two pages of the embedded provider: log in, log out. Plain HTML, no script, no other host.
const escape = (text) =>
  String(text).replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);

const STYLE = `
  body { font: 17px/1.6 system-ui, "PingFang SC", "Microsoft YaHei", sans-serif; background: #fbfaf7;
    color: #17323a; margin: 0; display: grid; min-height: 100vh; place-items: center; }
  main { background: #fff; border: 1px solid #dcd8cf; border-radius: 8px; padding: 1.5rem 2rem;
    width: min(24rem, 90vw); box-sizing: border-box; }
  h1 { font-size: 1.35rem; margin: 0 0 .5rem; } p { color: #4b616a; margin: 0 0 1rem; }
  label { display: block; font-weight: 600; margin-top: 1rem; }
  input { width: 100%; box-sizing: border-box; font: inherit; padding: .5rem .7rem; margin-top: .25rem;
    border: 1px solid #8b979c; border-radius: 6px; }
  button { font: inherit; margin-top: 1.25rem; width: 100%; padding: .6rem; border: 0;
    border-radius: 6px; background: #14505c; color: #fff; cursor: pointer; }
  :focus-visible { outline: 3px solid #c8862b; outline-offset: 2px; }
  .wrong { color: #a3281d; font-weight: 600; }`;

const page = (language, title, inside) => `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${STYLE}</style></head><body><main>${inside}</main></body></html>`;

const WORDS = {
  zh: {
    title: '统一身份认证（演示）',
    hint: '用户名从列表中选择，口令见 lianshen up 的输出。',
    name: '用户名',
    password: '口令',
    button: '登录',
    wrong: '用户名或口令不正确。',
    expired: '登录页面已过期，请返回后重新登录。',
  },
  en: {
    title: 'Sign in (demonstration)',
    hint: 'Choose a name from the list; the password is in what `lianshen up` printed.',
    name: 'Name',
    password: 'Password',
    button: 'Sign in',
    wrong: 'The name or the password is not right.',
    expired: 'This sign-in has expired: go back and sign in again.',
  },
};

export function loginPage({ people, english, wrong = false, expired = false, path = '' }) {
  const language = english ? 'en' : 'zh-CN';
  const words = english ? WORDS.en : WORDS.zh;
  if (expired) return page(language, words.title, `<h1>${words.title}</h1><p>${words.expired}</p>`);
  const options = people.map(
    (one) => `<option value="${escape(one.id)}">${escape(one.name)}</option>`,
  );
  return page(
    language,
    words.title,
    `<h1>${words.title}</h1><p>${words.hint}</p>
${wrong ? `<p class="wrong" role="alert">${words.wrong}</p>` : ''}
<form method="post" action="${escape(path)}">
<label for="name">${words.name}</label>
<input id="name" name="name" list="people" autocomplete="username" required autofocus>
<datalist id="people">${options.join('')}</datalist>
<label for="password">${words.password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit">${words.button}</button></form>`,
  );
}

export function logoutPage(form) {
  return page(
    'zh-CN',
    '退出 / Sign out',
    `<h1>退出登录 <span lang="en">Sign out</span></h1>${form}
<button autofocus type="submit" form="op.logoutForm" name="logout" value="yes">退出 <span lang="en">Sign out</span></button>`,
  );
}
