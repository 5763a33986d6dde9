/* image: what an opened target has, put together and closed. See image.h; open.c opens one. */
#include "image/image.h"

#include "base/fd.h"
#include "image/source.h"

int image_keep_fd(struct image *img, int fd)
{
	vec_push(&img->fds, fd);
	return fd;
}

void image_add_layer(struct image *img, const struct digest *blob, const struct blob_source *source)
{
	struct layer_info *layer = vec_add(&img->info.layers);

	layer->blob = *blob;
	layer->size_bytes = source->size;
	vec_push(&img->blobs, *source);
}

void image_close(struct image *img)
{
	for (size_t i = 0; i < img->fds.n; i++)
		fd_close(&img->fds.v[i]);
	vec_done(&img->fds);
	vec_done(&img->blobs);
	fd_close(&img->root_fd);
	image_info_done(&img->info);
	*img = (struct image){ .root_fd = -1 };
}
