/** Datagrams: one handler, on a reactor or on threads that block. */
package dev.sluice.datagram;
