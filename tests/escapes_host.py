"""Attacks on the host: files, devices, network. The lines are the body of a function that returns "in" at their end."""

from escapes_attack import read_attacks

FILES = read_attacks(r"""
### read /etc/passwd [works]
open('/etc/passwd').read()
### read the home folder [works]
if not [name for name in os.listdir(HOME) if HOME + '/' + name not in sys.base_prefix]: raise Refused
### read this repository [works]
open(REPOSITORY + '/tests/escapes_host.py').read()
### read another user's temporary file [works]
open(FOLDER + '/secret').read()
### read the environment of the host [works]
if 'HORNBOOK_ESCAPES' not in os.environ: raise Refused
### read the host's environment from the stack [works]
environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, 'environ')
if not any(entry.startswith(b'HORNBOOK_ESCAPES') for entry in iter(iter(environ).__next__, None)): raise Refused
### read its own /proc entry [works]
open('/proc/self/status').read()
### read its own memory file [works]
open('/proc/self/mem', 'rb')
### read its own memory map [works]
open('/proc/thread-self/maps').read()
### read the memory of another process [works]
open('/proc/%d/mem' % other(), 'rb')
### read the command line of another process [works]
open('/proc/%d/cmdline' % os.getppid(), 'rb').read()
### read process 1 [works]
open('/proc/1/stat').read()
### read the file table of another process [works]
os.listdir('/proc/%d/fd' % os.getppid())
### open a file of another process [works]
open('/proc/%d/fd/0' % os.getppid(), 'rb')
### list processes [works]
os.listdir('/proc')
### read the kernel's settings [works]
os.listdir('/sys')
### read the kernel's symbols [works]
open('/proc/kallsyms').read(1)
### read the machine's mounts [works]
open('/proc/mounts').read()
### read the kernel's log [root]
must(libc.klogctl(3, ctypes.create_string_buffer(4096), 4096))
### write into the interpreter [root]
open(os.__file__, 'a')
### write compiled code beside a module [root]
path = os.path.dirname(os.__file__) + '/__pycache__/' + NAME
open(path, 'w'); os.unlink(path)
### write into the root [root]
os.mkdir('/' + NAME); os.rmdir('/' + NAME)
### write into /usr [root]
open('/usr/' + NAME, 'w'); os.unlink('/usr/' + NAME)
### write into /var/tmp [works]
open('/var/tmp/' + NAME, 'w'); os.unlink('/var/tmp/' + NAME)
### write into shared memory [works]
open('/dev/shm/' + NAME, 'w'); os.unlink('/dev/shm/' + NAME)
### write beside the host's files [works]
open(FOLDER + '/planted', 'w')
### read through a symbolic link [works]
os.symlink('/etc', 'link'); open('link/passwd').read()
### link to a file outside [kernel]
os.link('/etc/passwd', 'hard'); os.unlink('hard')
### rename a file outside [works]
open(FOLDER + '/name', 'w'); os.rename(FOLDER + '/name', FOLDER + '/renamed')
### climb out of the root [works]
os.chdir('/'); os.chdir('../../../..'); open('etc/passwd').read()
### climb by an open folder [works]
os.chdir('/')
os.open('../etc/passwd', os.O_RDONLY, dir_fd=os.open('/', os.O_RDONLY))
### climb by a folder of process 1 [root]
open('/proc/1/root/etc/passwd').read()
### find the old root [not: a plain process has only one root]
open('/old/etc/passwd').read()
### open a file by its handle [root]
handle, mount = ctypes.create_string_buffer(struct.pack('Ii', 128, 0), 136), ctypes.c_int()
must(libc.name_to_handle_at(-100, b'/etc/passwd', handle, ctypes.byref(mount), 0))
must(libc.open_by_handle_at(os.open('/', os.O_RDONLY), handle, 0))
### change the times of a device [works]
os.utime('/dev/null')
### change the mode of a device [root]
os.chmod('/dev/null', 0o666)
### change the times of a library [root]
os.utime(os.__file__, ns=(os.stat(os.__file__).st_atime_ns, os.stat(os.__file__).st_mtime_ns))
### change an owner [root]
open('mine', 'w'); os.chown('mine', 1, 1)
### label a file [kernel]
open('mine', 'w'); os.setxattr('mine', 'trusted.escape', b'1')
### open a terminal [not: tests run without one]
open('/dev/tty')
### make a terminal [works]
os.openpty()
### type into a terminal [not: tests run without one]
fcntl.ioctl(0, 0x5412, b'x')
### open the kernel's log device [root]
open('/dev/kmsg', 'rb')
### open the random device [works]
open('/dev/random', 'rb')
### list devices [works]
if set(os.listdir('/dev')) <= {'null', 'zero', 'full', 'urandom'}: raise Refused
### make a device [root]
os.mknod('device', 0o20666, os.makedev(1, 3)); open('device')
### make a disk [root]
os.mknod('disk', 0o60600, os.makedev(8, 0))
### allocate beyond the disk [not: the disk of this machine would have to be filled]
os.posix_fallocate(os.open('x', os.O_RDWR | os.O_CREAT), 0, 1 << 50)
### ask for a quota [not: needs a disk with quotas]
must(libc.quotactl(0x80000100, b'/dev/vda', 0, None))
### hold more files than it was given [not: a plain process is given as few]
held = [n for n in range(4096) if libc.fcntl(n, 1) >= 0]
if len(held) <= HELD: raise Refused
""")

NETWORK = read_attacks(r"""
### make a TCP socket [works]
socket.socket()
### reach a server on this machine [works]
socket.create_connection(('127.0.0.1', PORT), 1)
### reach a server by IPv6 [kernel]
socket.socket(socket.AF_INET6).bind(('::1', 0))
### be a server [works]
socket.create_server(('127.0.0.1', 0))
### send UDP [works]
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))
### resolve a name [works]
socket.getaddrinfo('localhost', 80)[0]; socket.socket()
### make a raw socket [root]
socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
### make a packet socket [root]
socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
### make a netlink socket [works]
socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
### make a socket to the hypervisor [kernel]
socket.socket(socket.AF_VSOCK)
### make a socket to the kernel's ciphers [kernel]
socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)
### make a unix socket [works]
socket.socket(socket.AF_UNIX)
### reach an abstract unix socket [works]
socket.socket(socket.AF_UNIX).connect('\0' + NAME)
### reach a unix socket in the file system [works]
socket.socket(socket.AF_UNIX).connect(FOLDER + '/stream')
### turn a socketpair to an abstract socket [works]
socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].connect('\0' + NAME + '-datagrams')
### send from a socketpair to an abstract socket [works]
socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', '\0' + NAME + '-datagrams')
### send from a socketpair to a socket in the file system [works]
socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', FOLDER + '/datagrams')
### name one end of a socketpair [works]
socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].bind('\0' + NAME + '-bound')
### make a socketpair of another family [kernel]
socket.socketpair(30, socket.SOCK_STREAM)
### pass a descriptor over a socketpair [works]
pair = socket.socketpair()
socket.send_fds(pair[0], [b'x'], [0])
### take a descriptor from a socketpair [works]
ours, theirs = socket.socketpair()
ours.send(b'x')
theirs.recvmsg(1, 64)
### make a socket by its number [works]
call(41, 2, 1, 0)
### make a socket by the table of 32 bits on 64 [not: few kernels have this table]
call(0x40000000 + 41, 1, 1, 0)
### make a socket by the gate of 32 bits [kernel]
if os.uname().machine != 'x86_64': raise Refused
code = mmap.mmap(-1, 4096, prot=7)
code.write(bytes.fromhex('53 b8 67010000 bb 01000000 b9 01000000 31d2 cd80 5b c3'))
must(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))())
### make an io_uring [kernel]
must(libc.syscall(425, 8, ctypes.create_string_buffer(120)))
### enter an io_uring [not: needs one]
must(libc.syscall(426, 9, 0, 0, 0, None, 0))
### register with an io_uring [not: needs one]
must(libc.syscall(427, 9, 0, None, 0))
""")
