/** The reactor: one thread, one selector, and the server whose connections live on it. */
package dev.sluice.reactor;
