/** Framing: where one message ends and the next begins, whatever pieces the bytes come in. */
package dev.sluice.codec;
