// The customer, the client and the person that the tests are about, and a browser that can fill in our forms.
import assert from 'node:assert/strict'
import * as client from 'openid-client'

export const issuer = new URL(process.env.ISSUER)
const operator = process.env.OPERATOR
const password = 'correct horse battery staple'

/** A request by an operator. */
export async function admin(method, path, body) {
  const answer = await fetch(new URL(`/admin${path}`, issuer), {
    method,
    headers: { authorization: `Bearer ${operator}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  })
  const text = await answer.text()
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
  return text ? JSON.parse(text) : undefined
}

/** An account with a service account in it. */
export async function account(name) {
  const made = await admin('POST', '/accounts', { name, product_environments: [`${name}-prod`] })
  const person = await admin('POST', `/accounts/${made.id}/users`, {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: `scim@${name}.test`,
    displayName: 'Provisioning',
    emails: [{ value: `scim@${name}.test`, primary: true }],
    role: 'master_admin',
    service_account: true,
    password,
  })
  return { id: made.id, person }
}

/** A client of this account, and its secret. */
export function register(account, options = {}) {
  return admin('POST', `/accounts/${account.id}/clients`, {
    name: 'A stranger',
    redirect_uris: ['https://client.test/callback'],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    ...options,
  })
}

/** openid-client's view of one of our clients. It insists on https unless it is told that this is a test. */
export function discover(registered, authentication = client.ClientSecretBasic, metadata = {}) {
  return client.discovery(
    issuer,
    registered.client_id,
    { client_secret: registered.client_secret, ...metadata },
    authentication(registered.client_secret),
    { execute: [client.allowInsecureRequests] },
  )
}

/** A browser: keeps cookies, follows redirects within the server, fills in what a page asks for. */
export class Browser {
  #cookies = new Map()

  async #send(url, form) {
    const answer = await fetch(url, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      body: form && new URLSearchParams(form),
    })
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/)
      if (value) this.#cookies.set(name, value)
      else this.#cookies.delete(name)
    }
    return answer
  }

  /** Opens a URL, and answers pages until the browser is sent away from the server: where to. */
  async walk(url, person, decision = 'accept') {
    let answer = await this.#send(url)
    for (let steps = 0; steps < 12; steps++) {
      const location = answer.headers.get('location')
      if (location) {
        const next = new URL(location, issuer)
        if (next.origin !== issuer.origin) return next
        answer = await this.#send(next)
        continue
      }
      const page = await answer.text()
      const form = page.match(/<form[^>]*action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/)
      assert.ok(form, `a page without a form (${answer.status}): ${page}`)
      const fields = {}
      for (const [, name, value] of form[2].matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)) {
        fields[name] = value
      }
      if (form[2].includes('name="password"')) Object.assign(fields, { username: person.userName, password })
      else fields.decision = decision
      answer = await this.#send(new URL(form[1], issuer), fields)
    }
    throw new Error('the pages never end')
  }
}
