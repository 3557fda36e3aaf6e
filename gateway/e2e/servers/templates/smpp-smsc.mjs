// An SMSC for tests, on the library "smpp" of npm. It binds tester/testpw and
// confirms what it takes. Over HTTP:
//   GET  /taken    what was submitted, the oldest first
//   POST /bring    {from, to, text, parts?}: a text for the client; answers with the statuses
//   POST /receipt  {id, from, to, state}: a receipt in words, as most SMSCs send
//   POST /drop     cuts all connections
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
const smpp = createRequire(process.env.SMPP_MODULES + '/')('smpp');
const [smppPort, httpPort] = process.argv.slice(2).map(Number);
const taken = [];
const sessions = new Set();

smpp.createServer((session) => {
  session.on('bind_transceiver', (p) => {
    const ok = p.system_id === 'tester' && p.password === 'testpw';
    session.send(p.response({ command_status: ok ? 0 : 0x0e, system_id: 'smsc' }));
    if (ok) sessions.add(session);
  });
  session.on('submit_sm', (p) => {
    const id = 'M' + (taken.length + 1);
    taken.push({
      id, from: p.source_addr, to: p.destination_addr, text: p.short_message.message.toString(),
      coding: p.data_coding, receipt: p.registered_delivery,
      udh: p.short_message.udh ? Buffer.concat([].concat(p.short_message.udh)).toString('hex') : '',
    });
    session.send(p.response({ message_id: id }));
  });
  session.on('enquire_link', (p) => session.send(p.response()));
  session.on('unbind', (p) => { session.send(p.response()); session.close(); });
  session.on('close', () => sessions.delete(session));
  session.on('error', () => sessions.delete(session));
}).listen(smppPort, '127.0.0.1');

const deliver = (fields) => new Promise((done, fail) => {
  const [session] = sessions;
  if (!session) return fail(new Error('nobody is bound'));
  session.deliver_sm({ source_addr_ton: 1, source_addr_npi: 1, dest_addr_ton: 1, dest_addr_npi: 1, ...fields },
    (answer) => done(answer.command_status));
});

// Left alone, the library says IA5 (1) of what it writes in the GSM alphabet (0).
const coding = (text) => (/[^\x00-\xff€]/.test(text) ? 8 : 0);
const udh = (ref, total, n) => Buffer.from([5, 0, 3, ref, total, n]);
let ref = 0;
const acts = {
  '/taken': async () => taken,
  '/bring': async ({ from, to, text, parts }) => {
    const addresses = { source_addr: from, destination_addr: to };
    if (!parts) return [await deliver({ ...addresses, data_coding: coding(text), short_message: text })];
    ref++;
    return Promise.all(parts.map((message, i) => deliver({
      ...addresses, esm_class: 0x40, data_coding: coding(parts.join('')), short_message: { udh: udh(ref, parts.length, i + 1), message },
    })));
  },
  '/receipt': async ({ id, from, to, state }) => [await deliver({
    source_addr: from, destination_addr: to, esm_class: 4,
    short_message: `id:${id} sub:001 dlvrd:001 submit date:2511251200 done date:2511251201 stat:${state} err:000 text:`,
  })],
  '/drop': async () => { for (const s of sessions) s.destroy(); return []; },
};
createServer((request, response) => {
  let body = '';
  request.on('data', (d) => { body += d; });
  request.on('end', async () => {
    try {
      const answer = await acts[request.url](body ? JSON.parse(body) : {});
      response.end(JSON.stringify(answer));
    } catch (e) {
      response.statusCode = 500;
      response.end(String(e));
    }
  });
}).listen(httpPort, '127.0.0.1');
