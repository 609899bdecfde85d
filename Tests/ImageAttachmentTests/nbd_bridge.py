"""Puts an NBD server of somebody else behind a BMC's WebSocket: bytes pass unread, cut as they come.

    python3 nbd_bridge.py wss://localhost:PORT/nbd/0 CA.pem USER PASSWORD NBD_SOCKET

Prints "connected", and at the end the close code.
"""
import asyncio, base64, ssl, sys
import websockets

url, authority, user, password, server = sys.argv[1:]
headers = {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


async def main():
    context = ssl.create_default_context(cafile=authority)
    async with websockets.connect(
        url, ssl=context, extra_headers=headers, max_size=None, compression=None
    ) as link:
        reader, writer = await asyncio.open_unix_connection(server)
        print("connected", flush=True)

        async def to_bmc():
            while data := await reader.read(100_003):
                await link.send(data)
            await link.close()

        sending = asyncio.create_task(to_bmc())
        try:
            async for message in link:
                writer.write(message)
                await writer.drain()
        except websockets.ConnectionClosedError:
            pass
        writer.close()
        sending.cancel()
        print("closed", link.close_code, flush=True)


asyncio.run(main())
