// Drives one page in Chromium: reads commands from standard input, one JSON
// object a line, and answers each with one line, {"value": …} or {"error": …}.
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const [program, patience] = process.argv.slice(2);
const browser = await chromium.launch({
	executablePath: program,
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
		'--disable-background-networking', '--disable-component-update', '--disable-sync',
		'--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost'],
});
const page = await browser.newPage({ viewport: { width: 1100, height: 720 } });
page.setDefaultTimeout(Number(patience));
const trouble = [];
page.on('pageerror', error => trouble.push(String(error)));

const commands = {
	open: ({ url }) => page.goto(url),
	click: ({ selector }) => page.locator(selector).first().click(),
	fill: ({ selector, text }) => page.locator(selector).first().fill(text),
	press: ({ selector, text }) => page.locator(selector).first().press(text),
	see: ({ selector, text }) => page.locator(selector).filter({ hasText: text }).first().waitFor(),
	text: ({ selector }) => page.locator(selector).first().innerText(),
	count: ({ selector }) => page.locator(selector).count(),
	evaluate: ({ text }) => page.evaluate(text),
	screenshot: ({ path }) => page.screenshot({ path }).then(() => null),
	trouble: () => trouble,
};

for await (const line of createInterface({ input: process.stdin })) {
	const command = JSON.parse(line);
	let answer;
	try {
		const value = await commands[command.do](command);
		answer = { value: ['open', 'click', 'fill', 'press', 'see'].includes(command.do) ? null : value ?? null };
	} catch (error) {
		answer = { error: String(error) };
	}
	process.stdout.write(JSON.stringify(answer) + '\n');
}
await browser.close();
