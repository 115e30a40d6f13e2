// What a relying party does when it is told of a log-out: jose verifies the logout token as OpenID Connect Back-Channel Logout 1.0 §2.6 says.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { Browser, account, admin, discover, issuer, register } from './world.mjs'

const redirect_uri = 'https://client.test/callback'
const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

test('a logout token is believed by jose, and is about the session of the ID token', async () => {
  const told = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    told.push(new URLSearchParams(body).get('logout_token'))
    response.writeHead(told.length === 1 ? 503 : 200).end()
  })
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
  try {
    const acme = await account('backchannel')
    const backchannel_logout_uri = `http://127.0.0.1:${server.address().port}/out`
    const registered = await register(acme, { backchannel_logout_uri, backchannel_logout_session_required: true })
    const config = await discover(registered)
    assert.equal(config.serverMetadata().backchannel_logout_supported, true)
    assert.equal(config.serverMetadata().backchannel_logout_session_supported, true)

    const pkceCodeVerifier = client.randomPKCECodeVerifier()
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri,
      scope: 'openid',
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    })
    const back = await new Browser().walk(url, acme.person)
    const tokens = await client.authorizationCodeGrant(config, back, { pkceCodeVerifier, idTokenExpected: true })
    const { sid, sub } = tokens.claims()
    assert.ok(sid)

    await admin('PATCH', `/accounts/${acme.id}/users/${acme.person.id}`, { active: false })
    // The first try is answered 503, so there is a second.
    for (let n = 0; told.length < 2 && n < 300; n++) await new Promise((later) => setTimeout(later, 100))
    assert.ok(told.length >= 2, 'it was told, and told again')
    const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', issuer))
    const seen = new Set()
    for (const token of told) {
      const { payload } = await jwtVerify(token, keys, {
        issuer: issuer.href.replace(/\/$/, ''),
        audience: registered.client_id,
        typ: 'logout+jwt',
        maxTokenAge: '2m',
        requiredClaims: ['iat', 'exp', 'jti', 'events'],
      })
      assert.deepEqual([payload.sid, payload.sub], [sid, sub])
      assert.deepEqual(payload.events, { [EVENT]: {} })
      assert.ok(!('nonce' in payload))
      seen.add(payload.jti)
    }
    assert.equal(seen.size, told.length)
  } finally {
    server.close()
  }
})
