/* A USB camera /dev/video0 for a kernel without Video4Linux: loaded by LD_PRELOAD, it answers what OpenCV asks.
 *
 * V4L2_DOUBLE names a file whose first byte is how the camera behaves, read anew at each call:
 *   g good, e DQBUF answers EIO, s silent, z empty buffers, u unplugged, b busy, p no permission.
 * V4L2_JPEG names a picture: the camera then grants MJPEG and sends it; else it grants YUYV. The Y at (x, y) of YUYV
 * frame n is 16 + (x + n) % 220, its chroma that of red. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

enum { BUFFERS = 4, WIDTH = 320, HEIGHT = 240, SIZE = 2 * WIDTH * HEIGHT, ROOM = 1 << 18, FRAME_MS = 10, MOST = 16 };
enum { RED_CB = 90, RED_CR = 240 };

static int opened[MOST]; /* descriptor + 1 of each open handle */
static int queue[BUFFERS], queued;
static unsigned sequence;
static unsigned char *memory;
static unsigned char jpeg[SIZE];
static size_t jpeg_bytes;

static char mode(void) {
    static volatile char *shared;
    if (!shared) {
        int file = (int)syscall(257 /* openat */, AT_FDCWD, getenv("V4L2_DOUBLE"), O_RDONLY);
        shared = mmap(NULL, 1, PROT_READ, MAP_SHARED, file, 0);
        close(file);
    }
    return *shared;
}

static int ours(int fd) {
    for (int i = 0; i < MOST; i++)
        if (opened[i] == fd + 1) return 1;
    return 0;
}

static int refused(int number) {
    errno = number;
    return -1;
}

static void pause_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static int open_camera(void) {
    if (mode() == 'u') return refused(ENOENT);
    if (mode() == 'p') return refused(EACCES);
    int fd = memfd_create("camera", MFD_CLOEXEC);
    if (ftruncate(fd, BUFFERS * ROOM)) return -1;
    for (int i = 0; i < MOST; i++)
        if (!opened[i]) {
            opened[i] = fd + 1;
            return fd;
        }
    return refused(EMFILE);
}

static int open_any(const char *name, const char *path, int flags, mode_t rights) {
    if (!strcmp(path, "/dev/video0")) return open_camera();
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, name);
    return real(path, flags, rights);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t rights = va_arg(rest, mode_t);
    va_end(rest);
    return open_any("open", path, flags, rights);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t rights = va_arg(rest, mode_t);
    va_end(rest);
    return open_any("open64", path, flags, rights);
}

int close(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "close");
    for (int i = 0; i < MOST; i++)
        if (opened[i] == fd + 1) opened[i] = 0;
    return real(fd);
}

int select(int most, fd_set *reads, fd_set *writes, fd_set *errors, struct timeval *limit) {
    int (*real)(int, fd_set *, fd_set *, fd_set *, struct timeval *) = dlsym(RTLD_NEXT, "select");
    int camera = -1;
    for (int i = 0; reads && i < MOST; i++)
        if (opened[i] && opened[i] <= most && FD_ISSET(opened[i] - 1, reads)) camera = opened[i] - 1;
    if (camera < 0) return real(most, reads, writes, errors, limit);
    pause_ms(FRAME_MS);
    for (long left = limit ? limit->tv_sec * 1000 : 10000; mode() == 's'; left -= FRAME_MS) {
        if (left <= 0) {
            FD_ZERO(reads);
            return 0;
        }
        pause_ms(FRAME_MS);
    }
    return 1;
}

static void granted(struct v4l2_pix_format *format) {
    format->width = WIDTH;
    format->height = HEIGHT;
    format->pixelformat = getenv("V4L2_JPEG") ? V4L2_PIX_FMT_MJPEG : V4L2_PIX_FMT_YUYV;
    format->field = V4L2_FIELD_NONE;
    format->bytesperline = 2 * WIDTH;
    format->sizeimage = SIZE;
}

static void fill(int fd, struct v4l2_buffer *buffer) {
    if (!memory) memory = mmap(NULL, BUFFERS * ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    unsigned char *frame = memory + buffer->index * ROOM;
    if (getenv("V4L2_JPEG")) {
        if (!jpeg_bytes) {
            FILE *file = fopen(getenv("V4L2_JPEG"), "rb");
            jpeg_bytes = fread(jpeg, 1, SIZE, file);
            fclose(file);
        }
        memcpy(frame, jpeg, jpeg_bytes);
        buffer->bytesused = jpeg_bytes;
    } else {
        for (int i = 0; i < WIDTH * HEIGHT; i++) {
            frame[2 * i] = 16 + (i % WIDTH + sequence) % 220;
            frame[2 * i + 1] = i % 2 ? RED_CR : RED_CB;
        }
        buffer->bytesused = SIZE;
    }
    if (mode() == 'z') buffer->bytesused = 0;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    buffer->timestamp = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    buffer->length = SIZE;
    buffer->sequence = sequence++;
}

static int dequeue(int fd, struct v4l2_buffer *buffer) {
    buffer->flags = 0;
    if (mode() == 'e') {
        pause_ms(1);
        return refused(EIO);
    }
    if (mode() == 's' || !queued) return refused(EAGAIN);
    buffer->index = queue[0];
    memmove(queue, queue + 1, --queued * sizeof *queue);
    fill(fd, buffer);
    return 0;
}

static int answer(int fd, unsigned request, void *data) {
    if (mode() == 'u') return refused(ENODEV);
    struct v4l2_buffer *buffer = data;
    switch (request) {
    case (unsigned)VIDIOC_QUERYCAP: {
        struct v4l2_capability *capability = data;
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->driver, "double");
        capability->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        capability->capabilities = capability->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case (unsigned)VIDIOC_S_FMT:
        if (mode() == 'b') return refused(EBUSY);
        /* fallthrough */
    case (unsigned)VIDIOC_G_FMT:
    case (unsigned)VIDIOC_TRY_FMT:
        granted(&((struct v4l2_format *)data)->fmt.pix);
        return 0;
    case (unsigned)VIDIOC_G_INPUT:
        *(int *)data = 0;
        return 0;
    case (unsigned)VIDIOC_S_INPUT:
        return 0;
    case (unsigned)VIDIOC_G_PARM:
    case (unsigned)VIDIOC_S_PARM:
        ((struct v4l2_streamparm *)data)->parm.capture.timeperframe = (struct v4l2_fract){1, 30};
        return 0;
    case (unsigned)VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *buffers = data;
        if (buffers->count > BUFFERS) buffers->count = BUFFERS;
        queued = 0;
        if (memory) munmap(memory, BUFFERS * ROOM);
        memory = NULL;
        return 0;
    }
    case (unsigned)VIDIOC_QUERYBUF:
        buffer->length = SIZE;
        buffer->m.offset = buffer->index * ROOM;
        return 0;
    case (unsigned)VIDIOC_QBUF:
        for (int i = 0; i < queued; i++)
            /* After an I/O error a driver may have taken the buffer out: OpenCV queues it again, for ever. */
            if (queue[i] == (int)buffer->index) return mode() == 'e' ? 0 : refused(EINVAL);
        queue[queued++] = buffer->index;
        return 0;
    case (unsigned)VIDIOC_DQBUF:
        return dequeue(fd, buffer);
    case (unsigned)VIDIOC_STREAMON:
        return 0;
    case (unsigned)VIDIOC_STREAMOFF:
        queued = 0;
        return 0;
    }
    return refused(EINVAL);
}

int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *data = va_arg(rest, void *);
    va_end(rest);
    if (ours(fd)) return answer(fd, (unsigned)request, data);
    int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, data);
}
